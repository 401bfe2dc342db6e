"""What each code of a SUBACK means."""

import pytest

from mqtt_app.domain.link import grants


@pytest.mark.parametrize("code", [0, 1, 2, 127])
def test_a_suback_code_below_128_grants(code: int) -> None:
    assert grants.refusal(code) == ""


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (0x80, "without a reason"),
        (0x81, "code 129"),
        (0x83, "rule"),
        (0x87, "not authorized"),
        (0x8F, "filter"),
        (0x91, "in use"),
        (0x97, "quota"),
        (0x9E, "shared"),
        (0xA1, "identifiers"),
        (0xA2, "wildcard"),
        (0xFF, "code 255"),
    ],
)
def test_a_suback_code_from_128_on_refuses_with_its_reason(code: int, says: str) -> None:
    assert says in grants.refusal(code)
