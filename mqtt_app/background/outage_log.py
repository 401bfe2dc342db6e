"""One line when something begins to fail, and one when it works again, however often it is tried."""

import logging


class OutageLog:
    """`failing` is logged as a warning with the first failure, which it names with one `%s`;
    `recovered` as information with the next success. Used by one thread at a time.
    """

    def __init__(self, log: logging.Logger, failing: str, recovered: str) -> None:
        self._log = log
        self._failing = failing
        self._recovered = recovered
        self._failures = 0

    @property
    def is_down(self) -> bool:
        return self._failures > 0

    def failed(self, error: BaseException) -> None:
        self._failures += 1
        if self._failures == 1:
            self._log.warning(self._failing, describe(error))

    def succeeded(self) -> None:
        if self._failures:
            self._log.info("%s (after %d failures)", self._recovered, self._failures)
            self._failures = 0


def describe(error: BaseException) -> str:
    """The kind of an error, with what it says in one line."""
    lines = str(error).strip().splitlines()
    if lines:
        return f"{type(error).__name__}: {lines[0]}"
    return type(error).__name__
