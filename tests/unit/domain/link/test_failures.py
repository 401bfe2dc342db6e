import pytest

from mqtt_app.domain.link.failures import BROKER, CONFIGURATION, TLS, not_mqtt, violated
from mqtt_app.domain.link.protocol.violations import Reason, Violation
from tests.narrowing import present


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (b"HTTP/1.1 400", CONFIGURATION),
        (b"SSH-2.0-x", CONFIGURATION),
        (b"\x16\x03\x01", TLS),
        (b"220 mail.example ESMTP", CONFIGURATION),  # 0x32 would be a PUBLISH of QoS 1
        (b"0123456789", CONFIGURATION),
        (b"\x00\x00", CONFIGURATION),
        (b"\xf0\x00", CONFIGURATION),
        (b"\x41\x00\x00\x00\x0a8.0", CONFIGURATION),
        (b"J\x00\x00\x00\x0a8.0.36", CONFIGURATION),
    ],
)
def test_what_speaks_another_protocol_is_named(first: bytes, kind: str) -> None:
    assert present(not_mqtt(first)).kind == kind


@pytest.mark.parametrize(
    "first", [b"", b"\x20", b"\x20\x02\x00\x00", b"\x30\x07\x00\x01a", b"\x40\x02\x00\x01", b"0"]
)
def test_what_may_be_mqtt_is_left_to_the_protocol(first: bytes) -> None:
    assert not_mqtt(first) is None


def test_a_violation_names_what_was_sent_and_what_to_do() -> None:
    failure = violated(Violation(Reason.MALFORMED_PACKET, "a PUBLISH of QoS 3"))
    assert failure.kind == BROKER
    assert failure.message == (
        "The broker broke the MQTT protocol: it sent a PUBLISH of QoS 3. "
        "Whoever runs the broker has to mend or update it."
    )
    assert (failure.is_violation, failure.reason_code, failure.is_slow) == (True, 0x81, False)
