import pytest

from mqtt_app.domain.link.grants import refusal


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_granted_qos_is_no_refusal(code: int) -> None:
    assert refusal(code) == ""


@pytest.mark.parametrize("code", range(128, 256))
def test_every_code_from_128_says_why(code: int) -> None:
    assert refusal(code)


def test_an_access_rule_is_named() -> None:
    assert "not authorized" in refusal(0x87)
