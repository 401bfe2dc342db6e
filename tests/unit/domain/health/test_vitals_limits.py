"""When a worker is complained about."""

import math

import msgspec
import pytest

from mqtt_app.domain.health.vitals import Vitals, complaint


@pytest.mark.parametrize(
    ("name", "limit"), [("last_turn", 10.0), ("last_look", 30.0), ("oldest_batch", 60.0)]
)
def test_a_worker_is_complained_about_beyond_each_of_its_limits(name: str, limit: float) -> None:
    def said(value: float) -> str:
        vitals = msgspec.structs.replace(Vitals(), **{name: value})
        return complaint(vitals, scan_interval=3.0, receipt_timeout=30.0)

    assert said(limit) == ""
    assert f"{math.ceil(limit + 0.6)} s" in said(limit + 0.6)


def test_a_worker_that_has_said_nothing_yet_waits_for_nothing() -> None:
    assert set(msgspec.to_builtins(Vitals()).values()) == {0, ""}
