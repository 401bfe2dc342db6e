"""What a running `up` tells others: up.json for scripts, environment.json for `manage.py`. Standard
library only.
"""

import base64
import fcntl
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from project.local import files
from project.local.options import ROOT
from project.local.processes import runlock
from project.local.refusal import Refusal

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
    """The variables that make a process part of this Sitewire."""
    lent = {
        name: value
        for name, value in values.items()
        if name in LENT or name.startswith("SITEWIRE_")
    }
    files.write_private(folder / ENVIRONMENT, lent)


def withdraw(folder: Path) -> None:
    for name in (UP, ENVIRONMENT):
        (folder / name).unlink(missing_ok=True)


def attach(data_dir: Path | None) -> None:
    """A command works on the Sitewire that runs in `data_dir`, in DATA_DIR or in var/, or on that
    of DATABASE_URL.

    Refusal where there is neither: an empty one would be made otherwise, or another one taken for
    it.
    """
    if data_dir is not None:
        os.environ["DATA_DIR"] = str(data_dir)
    if not _has_local_settings():
        return
    folder, given = _folder(), os.environ.get("DATABASE_URL")
    running = is_running(folder)
    if not running and not given:
        raise Refusal(_nothing_runs(folder))
    if running and given and data_dir is not None and given != _lent(folder).get("DATABASE_URL"):
        raise Refusal(
            f"DATABASE_URL names another database than that of the Sitewire in {folder}; unset it, or leave out "
            "--data-dir."
        )
    if running:
        lend_environment()


def lend_environment() -> None:
    """`manage.py shell` and the like work on the running Sitewire, unless they were given another
    database.

    Never under other settings than those it runs with: a production takes no key from a data
    folder.
    """
    if not _has_local_settings():
        return
    folder = _folder()
    if not os.access(folder / ENVIRONMENT, os.R_OK):
        return
    lent = _lent(folder)
    if os.environ.get("DATABASE_URL", lent.get("DATABASE_URL")) == lent.get("DATABASE_URL"):
        os.environ.update(lent)


def use_placeholders() -> None:
    """What the settings insist on, for a command that connects to nothing and keeps no secret."""
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(48))
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    os.environ.setdefault("FIELD_ENCRYPTION_KEYS", key)
    os.environ.setdefault("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")


def is_running(folder: Path) -> bool:
    """Whether `up` runs there, and has everything ready."""
    try:
        if not (folder / ENVIRONMENT).exists():
            return False
        with open(folder / runlock.NAME, encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:  # it holds the lock for as long as it lives
        return True
    except FileNotFoundError:
        return False
    except PermissionError:
        raise Refusal(
            f"The Sitewire in {folder} belongs to another user; run the command as that user."
        ) from None
    return False


def _nothing_runs(folder: Path) -> str:
    if folder == ROOT / "var":
        option = ""
    else:
        option = f" --data-dir {folder}"
    return (
        f"No Sitewire is running in {folder}. Start it with `python3 manage.py up{option}`, name the folder of another "
        "one with --data-dir, or set DATABASE_URL."
    )


def _folder() -> Path:
    return Path(os.environ.get("DATA_DIR") or ROOT / "var").absolute()


def _lent(folder: Path) -> dict[str, str]:
    return files.read_private(folder / ENVIRONMENT)


def _has_local_settings() -> bool:
    return os.environ.get("DJANGO_SETTINGS_MODULE", LOCAL_SETTINGS) == LOCAL_SETTINGS
