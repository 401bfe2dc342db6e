"""What the words and codes of brokers mean."""

import pytest

from mqtt_app.domain.link.failures import (
    BROKER,
    CONFIGURATION,
    CONFLICT,
    CREDENTIALS,
    INTERNAL,
    NETWORK,
    TLS,
    LinkFailure,
    closed_before_connack,
    not_mqtt,
    refusal,
)


@pytest.mark.parametrize(
    ("code", "kind", "older"),
    [
        (1, CONFIGURATION, True),
        (2, CONFIGURATION, False),
        (3, BROKER, False),
        (4, CREDENTIALS, False),
        (5, CREDENTIALS, False),
        (0x80, BROKER, False),
        (0x81, BROKER, True),
        (0x82, BROKER, True),
        (0x83, BROKER, False),
        (0x84, CONFIGURATION, True),
        (0x85, CONFIGURATION, False),
        (0x86, CREDENTIALS, False),
        (0x87, CREDENTIALS, False),
        (0x88, BROKER, False),
        (0x89, BROKER, False),
        (0x8A, CREDENTIALS, False),
        (0x8B, BROKER, False),
        (0x8C, CREDENTIALS, False),
        (0x8D, NETWORK, False),
        (0x8E, CONFLICT, False),
        (0x93, BROKER, False),
        (0x95, BROKER, False),
        (0x96, BROKER, False),
        (0x97, BROKER, False),
        (0x98, BROKER, False),
        (0x9C, BROKER, False),
        (0x9D, BROKER, False),
        (0x9F, BROKER, False),
        (0xFE, BROKER, False),
    ],
)
def test_each_code_of_a_broker_says_who_can_mend_it(code: int, kind: str, older: bool) -> None:
    found = refusal(code)
    assert (found.kind, found.older_mqtt) == (kind, older)
    assert ("with code" in found.message) is (code == 0xFE), "each of these has words of its own"


@pytest.mark.parametrize(
    ("kind", "slow"),
    [
        (CONFIGURATION, True),
        (CREDENTIALS, True),
        (CONFLICT, True),
        (NETWORK, False),
        (TLS, False),
        (BROKER, False),
        (INTERNAL, False),
    ],
)
def test_what_only_a_person_can_mend_is_asked_again_slowly(kind: str, slow: bool) -> None:
    assert LinkFailure(kind, "x").is_slow is slow


@pytest.mark.parametrize(
    ("first", "kind", "says"),
    [
        (b"HTTP/1.1 400", CONFIGURATION, "web server"),
        (b"\x15\x03", TLS, "Turn on TLS"),
        (b"\x16\x03", TLS, "TLS"),
        (b"SSH-2.0", CONFIGURATION, "SSH"),
        (b"220 mail", CONFIGURATION, "no MQTT broker"),
        (b"\x21", CONFIGURATION, "no MQTT broker"),
        (b"\x14", CONFIGURATION, "no MQTT"),
        (b"\x17", CONFIGURATION, "no MQTT"),
    ],
)
def test_whoever_answers_is_known_by_the_first_bytes(first: bytes, kind: str, says: str) -> None:
    found = not_mqtt(first)
    assert found is not None
    assert (found.kind, says in found.message) == (kind, True)


def test_a_connack_or_nothing_is_no_complaint() -> None:
    assert not_mqtt(b"") is None
    assert not_mqtt(b"\x20\x02\x00\x00") is None


def test_a_close_before_the_connack_hints_at_tls_where_there_is_none() -> None:
    assert "turn on TLS" in closed_before_connack(use_tls=False).message
    assert "turn on TLS" not in closed_before_connack(use_tls=True).message
    assert closed_before_connack(use_tls=True).older_mqtt
