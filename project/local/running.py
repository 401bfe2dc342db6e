"""What a running `up` tells others: up.json for scripts, environment.json for `manage.py`. Standard library only."""

import os
from collections.abc import Mapping
from pathlib import Path

from project.local import files
from project.local.options import ROOT

UP = "up.json"
ENVIRONMENT = "environment.json"
LOCAL_SETTINGS = "project.settings.local"
LENT = (
    "SECRET_KEY",
    "FIELD_ENCRYPTION_KEYS",
    "DATABASE_URL",
    "REDIS_URL",
    "DATA_DIR",
    "LOG_DIR",
    "DJANGO_SETTINGS_MODULE",
)


def publish_environment(folder: Path, values: Mapping[str, str]) -> None:
    files.write_private(folder / ENVIRONMENT, {name: values[name] for name in LENT})


def withdraw(folder: Path) -> None:
    for name in (UP, ENVIRONMENT):
        (folder / name).unlink(missing_ok=True)


def lend_environment() -> None:
    """`manage.py shell` and the like work on the running Sitewire, unless they were given another database.

    Never under other settings than those it runs with: a production takes no key from a data folder.
    """
    if os.environ.get("DJANGO_SETTINGS_MODULE", LOCAL_SETTINGS) != LOCAL_SETTINGS:
        return
    folder = Path(os.environ.get("DATA_DIR") or ROOT / "var")
    if not os.access(folder / ENVIRONMENT, os.R_OK):
        return
    lent = files.read_private(folder / ENVIRONMENT)
    if os.environ.get("DATABASE_URL", lent.get("DATABASE_URL")) == lent.get("DATABASE_URL"):
        for name, value in lent.items():
            os.environ.setdefault(name, value)
