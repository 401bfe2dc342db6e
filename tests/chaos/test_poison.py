"""Messages that kill the process that parses them."""

import json
from pathlib import Path

import pytest

from tests.brokers import Mosquitto
from tests.chaos.flow import Flow, sites
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.timeout(180)]

ENVIRONMENT = {"PYTHONPATH": Path(__file__).parent / "poison_parser"}
QUARANTINED = "SELECT payload, error FROM mqtt_deadletter WHERE site_id = ANY(%s)"


def test_a_message_that_kills_its_parser_is_put_aside_and_its_neighbours_are_stored(
    stack: Stack, broker: Mosquitto
) -> None:
    site_ids = sites(stack, broker.port, "poison", 2)
    with Flow(stack, broker.port, "poison", site_ids, rate=400.0) as flow:
        wait_for(lambda: flow.sent >= 1_100, 30)
        poison = frozenset({250, 750})
        flow.settle(120, except_for=poison)
        wait_for(
            lambda: len(stack.rows(QUARANTINED, site_ids)) == len(poison),
            120,
            what="the quarantine",
        )
    found = stack.rows(QUARANTINED, site_ids)
    assert {json.loads(bytes(payload))["seq"] for payload, _ in found} == poison
    assert all("killed the process" in reason for _, reason in found)
    deaths = stack.log("worker").count(b"exited with 'signal 9 (SIGKILL)'")
    assert 0 < deaths <= 12 * len(poison)
