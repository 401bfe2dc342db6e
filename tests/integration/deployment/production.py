"""A production's environment, and real processes that are started with it."""

import os
import secrets
import subprocess
import sys
from base64 import urlsafe_b64encode

from tests.stack import ROOT

KEPT = ("PATH", "HOME", "LANG", "DATABASE_URL", "REDIS_URL", "DATA_DIR", "LOG_DIR")


def environment(**changes: str | None) -> dict[str, str]:
    """A good one, with `changes`; None takes a variable out."""
    good: dict[str, str | None] = {name: os.environ.get(name) for name in KEPT} | {
        "DJANGO_SETTINGS_MODULE": "project.settings.production",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "FIELD_ENCRYPTION_KEYS": new_field_key(),
        "ALLOWED_HOSTS": "sitewire.test",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def new_field_key() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


def run(
    *command: str, env: dict[str, str], timeout: float = 90
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def refusal(*command: str, **changes: str | None) -> str:
    """What a process says that must not start: one clear sentence or two, and no traceback."""
    done = run(*command, env=environment(**changes))
    assert done.returncode not in {0, None}, f"it started with {changes}"
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]
