"""`python -m project.healthcheck.process KIND`: what a container of web, Flower or beat asks itself.
Standard library only.

Exit code 0, or 1 with a sentence. It runs every half minute beside each process, and must cost next
to nothing.
"""

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

TIMEOUT = 5.0  # s
BEAT_TURN = 60.0  # s; beat turns at least every 5


def web() -> str:
    return _answers("http://127.0.0.1:8000/readyz")


def flower() -> str:
    return _answers("http://127.0.0.1:5555/healthcheck")


def beat() -> str:
    path = Path(os.environ.get("BEAT_HEARTBEAT", ""))
    try:
        age = time.time() - path.stat().st_mtime
    except OSError as error:
        return f"beat has not turned yet: {path}: {error.strerror}"
    if age > BEAT_TURN:
        return f"beat has not turned for {age:.0f} s"
    return ""


def _answers(url: str) -> str:
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({})
    )  # a proxy does not know our loopback
    try:
        with opener.open(url, timeout=TIMEOUT) as answer:
            if answer.status == 200:
                return ""
            return f"{url} answers {answer.status}"
    except (OSError, urllib.error.URLError, ValueError) as error:
        return f"{url}: {error}"


def report(kinds: dict[str, Callable[..., str]], arguments: list[str]) -> int:
    """Prints what the check of that kind finds; its exit code."""
    kind, *rest = arguments or [""]
    if kind not in kinds:
        sys.stdout.write(f"Known: {', '.join(kinds)}.\n")
        return 2
    problem = kinds[kind](*rest)
    sys.stdout.write(f"{problem or 'healthy'}\n")
    if problem:
        return 1
    return 0


KINDS: dict[str, Callable[..., str]] = {"web": web, "flower": flower, "beat": beat}

if __name__ == "__main__":
    sys.exit(report(KINDS, sys.argv[1:]))
