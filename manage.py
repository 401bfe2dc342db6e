#!/usr/bin/env python3
"""`manage.py up` runs all of Sitewire on this machine, `manage.py test` runs its tests; the rest is
Django's.

Written so that even an old Python can read it as far as the sentence that asks for a newer one.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  this file alone is read by older ones
    sys.exit(
        "Sitewire needs Python 3.11 or newer and this is {}.{}; start it with a newer one, as in: "
        "python3.11 manage.py {}".format(
            sys.version_info[0], sys.version_info[1], " ".join(sys.argv[1:])
        )
    )

from project.local.install.bootstrap import main

if __name__ == "__main__":
    sys.exit(main(sys.argv))
