"""Log lines about a batch that would come with every further batch."""

import time
from collections.abc import Hashable

AGAIN_AFTER = 60.0  # s
REMEMBERED = 10_000  # subjects


class OncePerMinute:
    """For each subject, in this process."""

    def __init__(self) -> None:
        self._last: dict[Hashable, float] = {}

    def is_due(self, subject: Hashable) -> bool:
        """Whether to log it now; it counts as logged then."""
        moment = time.monotonic()
        if moment - self._last.get(subject, -AGAIN_AFTER) < AGAIN_AFTER:
            return False
        if len(self._last) >= REMEMBERED:
            self._last.clear()
        self._last[subject] = moment
        return True

    def forget(self) -> None:
        self._last.clear()
