"""Waiting for something to become true, without sleeping through a stop or a death."""

import time
from collections.abc import Callable

EVERY = 0.05  # s


def wait_until(
    true: Callable[[], bool], seconds: float, check: Callable[[], None] = lambda: None
) -> bool:
    """False when it did not become true in `seconds`. `check` is called between tries and may
    raise.
    """
    deadline = time.monotonic() + seconds
    while True:
        check()
        if true():
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(EVERY)
