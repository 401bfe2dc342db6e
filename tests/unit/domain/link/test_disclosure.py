"""In general words nothing is left of what was found at an address."""

import pytest

from mqtt_app.domain.link.disclosure import error_in_general, log_in_general
from mqtt_app.models import ErrorClass

FOUND = (
    "Nothing listens at 10.0.0.7:22: connection refused.",
    "No answer from 10.0.0.7:22 in time.",
    "An SSH server answers on this port, not an MQTT broker.",
    "10.0.0.7 is a loopback address",
)


@pytest.mark.parametrize("error_class", [*ErrorClass.values, "unknown"])
def test_an_error_of_a_class_is_always_told_in_the_same_words(error_class: str) -> None:
    (told,) = {error_in_general(error_class, message) for message in FOUND}
    assert not any(word in told for word in ("10.0.0.7", "22", "SSH", "listens", "time"))
    assert error_in_general(error_class, "") == ""


@pytest.mark.parametrize("found", FOUND)
def test_lines_of_failed_attempts_and_lost_links_are_told_alike(found: str) -> None:
    assert log_in_general(found, 3) == log_in_general("another", 0)
    assert log_in_general(f"Disconnected: {found}", None) == "Disconnected."
    assert (
        log_in_general(f"Disconnected: {found} (3 times in the last minute)", None)
        == "Disconnected."
    )


@pytest.mark.parametrize("line", ["Successfully connected to x:1", "Disconnected cleanly", "hello"])
def test_other_lines_are_told_as_they_are(line: str) -> None:
    assert log_in_general(line, None) == line
