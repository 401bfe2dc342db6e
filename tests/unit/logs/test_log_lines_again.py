"""A line that was counted once comes to the log file again: it is not swallowed for ever."""

import io
import logging
import time
from collections.abc import Iterator
from functools import partial

import pytest

from mqtt_app.domain.logs import repeats
from mqtt_app.domain.logs.repeats import FREE
from project.logs.lines import CountingHandler
from tests.integration.runtime.world import wait_for


@pytest.fixture
def file() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(file: io.StringIO) -> Iterator[logging.Logger]:
    handler = CountingHandler()
    handler.setStream(file)
    logger = logging.getLogger("mqtt_app.test_log_lines_again")
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    yield logger
    logger.removeHandler(handler)
    handler.close()


def _has_lines(file: io.StringIO, count: int) -> bool:
    return len(lines(file)) >= count


def lines(file: io.StringIO) -> list[str]:
    return file.getvalue().splitlines()


def test_after_each_quiet_time_an_equal_line_is_written_and_counted_again(
    log: logging.Logger, file: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "PERIOD", 0.4)
    for turn in (1, 2):
        for _ in range(FREE + 2):
            log.error("away")
        wait_for(partial(_has_lines, file, turn * (FREE + 1)))
        assert sum("2 times" in line for line in lines(file)) == turn
        time.sleep(1.0)  # two periods in which nothing comes
    assert len(lines(file)) == 2 * (FREE + 1)


def test_a_count_goes_out_while_the_line_goes_on(
    log: logging.Logger, file: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "PERIOD", 0.1)
    deadline = time.monotonic() + 10
    while sum("times" in line for line in lines(file)) < 3 and time.monotonic() < deadline:
        log.error("away")
        time.sleep(0.005)
    assert sum("times" in line for line in lines(file)) >= 3


@pytest.mark.parametrize(
    ("name", "level", "counted"),
    [
        ("mqtt_app.x", logging.INFO, True),
        ("tasks.x", logging.INFO, True),
        ("project.x", logging.INFO, True),
        ("mqtt.connection", logging.INFO, True),
        ("django.x", logging.INFO, False),
        ("django.x", logging.WARNING, True),
        ("mqtt_application", logging.INFO, False),
    ],
)
def test_of_other_loggers_only_warnings_are_counted(
    file: io.StringIO, name: str, level: int, counted: bool
) -> None:
    handler = CountingHandler()
    handler.setStream(file)
    for _ in range(FREE + 4):
        handler.handle(logging.makeLogRecord({"name": name, "levelno": level, "msg": "again"}))
    assert len(lines(file)) == (FREE if counted else FREE + 4)
    handler.close()
    assert len(lines(file)) == (FREE + 1 if counted else FREE + 4)
