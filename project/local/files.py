"""Small files for their owner only, written at once or not at all. Standard library only."""

import json
import os
from pathlib import Path
from typing import Any

from project.local.refusal import Refusal


def write_private(path: Path, content: dict[str, Any]) -> None:
    write_private_text(path, json.dumps(content, indent=2) + "\n")


def write_private_text(path: Path, content: str) -> None:
    """Mode 0600 from the first byte on; a reader sees the old content or the new."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read_private(path: Path) -> dict[str, Any]:
    """Empty when there is no such file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise Refusal(
            f"{path} belongs to another user; choose another data folder with --data-dir."
        ) from None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Refusal(
            f"{path} is damaged; remove it, or choose another data folder with --data-dir."
        )
    return content
