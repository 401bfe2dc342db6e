"""The first thing that each entry point does: a bad value in the environment ends it with one
sentence.
"""

import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def load_settings() -> None:
    """Reads the environment. SystemExit, with what is wrong and what to do, where a value cannot
    work.
    """
    try:
        _ = settings.SECRET_KEY  # the first access reads them
    except ImproperlyConfigured as error:
        sys.exit(str(error))
