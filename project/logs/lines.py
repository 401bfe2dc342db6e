"""Where log lines go: one that repeats is said a few times, then counted. An outage must not fill
the disk.
"""

import contextvars
import copy
import logging
import os
import threading
import time

from mqtt_app.domain.logs.repeats import CountedLine, Repeats, format_counted

REMEMBERED = 2_000  # different lines
OURS = ("mqtt_app", "tasks", "project", "mqtt")  # of other loggers only warnings are counted


class CountingHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to standard error: the first few equal lines of a minute as they come, then how many
    more there were.
    """

    def __init__(self) -> None:
        super().__init__()
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """A forked child has none of its parent's threads, and counts for itself."""
        self._repeats: Repeats[logging.LogRecord] = Repeats(REMEMBERED)
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Called by `handle`, which holds the handler's lock."""
        try:
            if _is_counted(record):
                lines = self._count(record)
            else:
                lines = None
        except Exception:  # noqa: BLE001  as every handler: a line that cannot be made is reported, its caller goes on
            self.handleError(record)
            return
        if lines is None or any(not line.held for line in lines):
            super().emit(record)

    def close(self) -> None:
        self.acquire()
        try:
            if self._timer is not None:
                self._timer.cancel()
            self._write_counts(self._repeats.rest(time.monotonic()))
        finally:
            self.release()
        super().close()

    def _count(self, record: logging.LogRecord) -> list[CountedLine[logging.LogRecord]]:
        """What this line brings out: counts, which are written here, and itself."""
        line = _lean(record)
        lines = self._repeats.add((record.name, (record.levelno, line.msg)), line, time.monotonic())
        self._write_counts(lines)
        self._arm()
        return lines

    def _write_counts(self, lines: list[CountedLine[logging.LogRecord]]) -> None:
        for counted in lines:
            if counted.held:
                record = copy.copy(counted.line)
                record.msg = format_counted(record.msg, counted)
                contextvars.Context().run(super().emit, record)  # it belongs to no request or task

    def _arm(self) -> None:
        due = self._repeats.due_at()
        if due is not None and self._timer is None:
            self._timer = threading.Timer(max(0.0, due - time.monotonic()), self._time_is_over)
            self._timer.daemon = True
            self._timer.start()

    def _time_is_over(self) -> None:
        self.acquire()
        try:
            self._timer = None
            self._write_counts(self._repeats.due(time.monotonic()))
            self._arm()
        finally:
            self.release()


def _is_counted(record: logging.LogRecord) -> bool:
    """Not what structlog made: that is a dictionary with the ids of its request."""
    ours = record.name.partition(".")[0] in OURS
    return isinstance(record.msg, str) and (ours or record.levelno >= logging.WARNING)


def _lean(record: logging.LogRecord) -> logging.LogRecord:
    """To be remembered for a minute: without what it was made of, and without a traceback's frames."""
    line = copy.copy(record)
    line.msg, line.args, line.exc_info = record.getMessage(), None, None
    return line
