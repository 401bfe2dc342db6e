"""The two programs that the tests need and pip cannot give: mosquitto and Chromium."""

import os
import shutil
from functools import cache
from pathlib import Path

SYSTEM_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def mosquitto() -> Path:
    return Path(_found("mosquitto") or "mosquitto")


def mosquitto_passwd() -> Path:
    return Path(_found("mosquitto_passwd") or "mosquitto_passwd")


def chromium() -> Path:
    return Path(next(filter(None, map(_found, CHROMIUM_NAMES)), "chromium"))


@cache
def missing() -> dict[str, str]:
    """Marker name -> why its tests cannot run on this machine. Empty when all is there."""
    lacks = {}
    if not _found("mosquitto") or not _found("mosquitto_passwd"):
        lacks["mosquitto"] = "the broker mosquitto is not installed (`manage.py test` provides it where apt works)"
    if not any(map(_found, CHROMIUM_NAMES)):
        lacks["chromium"] = "the browser Chromium is not installed (`manage.py test` provides it where apt works)"
    return lacks


def _found(name: str) -> str | None:
    return shutil.which(name, path=SYSTEM_PATH)
