"""What reaches the log file of a process when the same thing goes wrong again and again."""

import io
import logging
from collections.abc import Iterator

import pytest

from mqtt_app.domain.logs import repeats
from mqtt_app.domain.logs.repeats import FREE
from project.logs.lines import CountingHandler
from tests.integration.runtime.world import wait_for


@pytest.fixture
def file() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def handler(file: io.StringIO) -> Iterator[CountingHandler]:
    made = CountingHandler()
    made.setStream(file)
    yield made
    made.close()


@pytest.fixture
def log(handler: CountingHandler) -> Iterator[logging.Logger]:
    logger = logging.getLogger("mqtt_app.test_log_lines")
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    yield logger
    logger.removeHandler(handler)


def test_a_failure_in_a_hot_loop_is_a_few_lines_and_a_number(
    log: logging.Logger, handler: CountingHandler, file: io.StringIO
) -> None:
    for _ in range(10_000):
        log.warning("Redis does not answer (%s)", "TimeoutError")
    handler.close()
    lines = file.getvalue().splitlines()
    assert lines[:FREE] == ["Redis does not answer (TimeoutError)"] * FREE
    assert len(lines) == FREE + 1
    assert lines[-1].startswith(
        f"Redis does not answer (TimeoutError) ({10_000 - FREE} times in the last "
    )


def test_the_number_is_told_even_when_nothing_else_happens(
    log: logging.Logger, file: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "PERIOD", 0.1)
    for _ in range(FREE + 1):
        log.error("away")
    wait_for(lambda: len(file.getvalue().splitlines()) == FREE + 1)


def test_the_first_lines_keep_their_traceback(log: logging.Logger, file: io.StringIO) -> None:
    for _ in range(FREE + 1):
        try:
            raise OSError("gone")
        except OSError:
            log.exception("failed")
    assert file.getvalue().count("Traceback") == FREE


def test_different_lines_are_all_written(log: logging.Logger, file: io.StringIO) -> None:
    for number in range(100):
        log.info("[Site %d] Starting connection", number)
    assert len(file.getvalue().splitlines()) == 100


def test_a_line_that_cannot_be_made_does_not_harm_its_caller(
    handler: CountingHandler, file: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {
        "name": "mqtt_app.any",
        "levelno": logging.WARNING,
        "msg": "%d",
        "args": ("no number",),
    }
    handler.handle(logging.makeLogRecord(values))
    assert file.getvalue() == ""
    assert "no number" in capsys.readouterr().err
