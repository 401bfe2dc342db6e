"""One line at the first failure, one at the recovery, however often it is tried in between."""

import logging

import pytest

from mqtt_app.background.outage_log import OutageLog, describe

log = logging.getLogger("tests.outage")


@pytest.fixture
def outage(caplog: pytest.LogCaptureFixture) -> OutageLog:
    caplog.set_level(logging.INFO, logger=log.name)
    return OutageLog(log, "It fails (%s)", "It works again")


def test_only_the_first_failure_is_logged_and_the_recovery_says_how_many_there_were(
    outage: OutageLog, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        outage.failed(OSError(f"away {number}"))
    down = [outage.is_down]
    outage.succeeded()
    assert [*down, outage.is_down] == [True, False]
    outage.succeeded()
    assert caplog.messages == ["It fails (OSError: away 0)", "It works again (after 3 failures)"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_the_next_outage_is_logged_again(
    outage: OutageLog, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        outage.failed(OSError("away"))
        outage.succeeded()
    assert len(caplog.messages) == 4


def test_without_a_failure_nothing_is_logged(
    outage: OutageLog, caplog: pytest.LogCaptureFixture
) -> None:
    outage.succeeded()
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError("away"), "OSError: away"),
        (ValueError(), "ValueError"),
        (RuntimeError("first line\nsecond line"), "RuntimeError: first line"),
        (RuntimeError("  \n"), "RuntimeError"),
    ],
)
def test_an_error_is_described_in_one_line(error: Exception, text: str) -> None:
    assert describe(error) == text
