"""`manage.py test`, inside the environment: provide what the machine lacks, then become pytest."""

import os
import sys

from project.local import provision


def main(arguments: list[str]) -> int:
    provision.provide()
    sys.stdout.flush()
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *arguments], env)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
