"""The passwords and keys of one data folder: made once, kept in a file for its owner, never asked
for.
"""

import base64
import secrets
from pathlib import Path
from typing import Any

from project.local import files

NAME = "secrets.json"


def load(folder: Path) -> dict[str, Any]:
    """What is missing is made and written at once."""
    kept = files.read_private(folder / NAME)
    complete = _fresh() | kept
    if complete != kept:
        save(folder, complete)
    return complete


def save(folder: Path, values: dict[str, Any]) -> None:
    files.write_private(folder / NAME, values)


def _fresh() -> dict[str, Any]:
    return {
        "secret_key": secrets.token_urlsafe(48),
        "field_encryption_keys": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "admin_password": secrets.token_urlsafe(12),
        "flower_password": secrets.token_urlsafe(12),
        "postgres_password": secrets.token_urlsafe(18),
        "redis_password": secrets.token_urlsafe(18),
        "token_digest": "",
        "ports": {},
    }
