"""The relations between the knobs, each broken once."""

from dataclasses import replace
from typing import Any

import pytest

from mqtt_app.checks import violations
from mqtt_app.conf import Config


def test_the_defaults_keep_every_relation() -> None:
    assert violations(Config()) == []


@pytest.mark.parametrize(
    ("number", "broken"),
    [
        (1, {"lease_renew": 4.0}),
        (2, {"lease_act": 15.0}),
        (3, {"scan_interval": 16.0}),
        (4, {"drain_timeout": 15.0}),
        (5, {"backoff_base": 61.0}),
        (6, {"batch_bytes": 134_217_728}),
        (7, {"evidence_ttl": 5.0}),
        (8, {"bind_address": "eth0"}),
        (9, {"evidence_interval": 8.0}),
        (20, {"login_pause": 3_601.0}),
        (21, {"login_address_tries": 4}),
        (22, {"health_allow": ("10.0.0.1/8",)}),
        (23, {"unfinished_bytes": 33_554_431}),
    ],
)
def test_a_broken_relation_is_named_with_its_remedy(number: int, broken: dict[str, Any]) -> None:
    found = violations(replace(Config(), **broken))
    assert [one[0] for one in found] == [number]
    assert all(text and hint for _, text, hint in found)
