"""A bad deploy: the parser fails on every message, and later works again."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.brokers import Mosquitto
from tests.chaos.flow import TOPICS, Flow, sites
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.timeout(180)]

FLAG = Path(tempfile.mkdtemp(prefix="failing_parser_")) / "flag"
ENVIRONMENT = {
    "PYTHONPATH": Path(__file__).parent / "failing_parser",
    "FAILING_PARSER_FLAG": FLAG,
    "SITEWIRE_PARSER_TRIAL_INTERVAL": "2",
    "SITEWIRE_WAITING_LETTERS": "4000",
}
PAUSED = (
    "SELECT count(*) FROM mqtt_parserhealth WHERE paused_since IS NOT NULL AND resumed_at IS NULL"
)
BOOKS = "SELECT sum(stored), sum(kept), sum(failed) FROM mqtt_sitebooks WHERE site_id = ANY(%s)"
RECOGNISED = """
SELECT count(*) FROM mqtt_discoveredtopic t JOIN mqtt_mqttconnection c ON c.id = t.connection_id
WHERE c.site_id = ANY(%s) AND t.parser_name = 'failing'
"""
LOGGED = "SELECT count(DISTINCT connection_id) FROM mqtt_mqttconnectionlog WHERE message LIKE %s"


@pytest.fixture(autouse=True)
def _no_flag() -> Iterator[None]:
    yield
    FLAG.unlink(missing_ok=True)


def _wait_until_recognised(stack: Stack, site_ids: list[int]) -> None:
    """A topic that is seen first without the parser would be given to another one for good."""
    wait_for(
        lambda: stack.one(RECOGNISED, site_ids) == TOPICS * len(site_ids),
        30,
        what="every topic recognised",
    )


def test_a_parser_that_fails_on_everything_loses_nothing(stack: Stack, broker: Mosquitto) -> None:
    site_ids = sites(stack, broker.port, "failing", 2)
    with Flow(stack, broker.port, "failing", site_ids, rate=400.0) as flow:
        _wait_until_recognised(stack, site_ids)
        FLAG.touch()
        broken_at = time.monotonic()
        wait_for(
            lambda: stack.one(PAUSED) == len(site_ids), 60, what="the parser paused at both sites"
        )
        for site_id in site_ids:
            status = stack.get(f"sites/{site_id}/status/")
            assert status["headline"].startswith(
                "degraded: the parser failing fails on most messages"
            )
            assert status["flow"]["paused_parsers"][0]["name"] == "failing"
            assert status["flow"]["books"]["balanced"]
        wait_for(lambda: stack.one(LOGGED, "The parser failing is paused%") == len(site_ids), 60)
        assert time.monotonic() - broken_at <= 60
        time.sleep(10)
        stored, kept, failed = stack.rows(BOOKS, site_ids)[0]
        assert kept > 2_000
        assert failed == 0
        FLAG.unlink()
        wait_for(lambda: stack.one(PAUSED) == 0, 30, what="the parser resumed")
        flow.settle(60)
    stored, kept, failed = stack.rows(BOOKS, site_ids)[0]
    assert (stored, kept, failed) == (flow.sent, 0, 0)


def test_a_restart_with_the_mended_parser_stores_what_the_broken_one_left(
    stack: Stack, broker: Mosquitto
) -> None:
    """The worker with the broken version is killed in the middle of the pause; the backlog outlives
    it.
    """
    site_ids = sites(stack, broker.port, "failing/r", 2)
    with Flow(stack, broker.port, "failing/r", site_ids, rate=400.0) as flow:
        _wait_until_recognised(stack, site_ids)
        FLAG.touch()
        wait_for(
            lambda: stack.one(PAUSED) == len(site_ids), 60, what="the parser paused at both sites"
        )
        stack.kill("worker")
        FLAG.unlink()
        stack.worker(concurrency=2)
        flow.settle(90)
    stored, kept, failed = stack.rows(BOOKS, site_ids)[0]
    assert (stored, kept, failed) == (flow.sent, 0, 0)


def test_a_deploy_that_forgets_the_parser_loses_nothing(
    stack: Stack, broker: Mosquitto, request: pytest.FixtureRequest
) -> None:
    site_ids = sites(stack, broker.port, "failing/gone", 2)
    with Flow(stack, broker.port, "failing/gone", site_ids, rate=400.0) as flow:
        _wait_until_recognised(stack, site_ids)
        stack.kill("worker")
        installed = stack.env.pop("PYTHONPATH")
        request.addfinalizer(lambda: stack.env.setdefault("PYTHONPATH", installed))
        stack.worker(concurrency=2)
        wait_for(
            lambda: stack.one(PAUSED) == len(site_ids), 60, what="the parser paused at both sites"
        )
        reason = stack.get(f"sites/{site_ids[0]}/status/")["flow"]["paused_parsers"][0]["reason"]
        assert "is not installed" in reason
        stack.kill("worker")
        stack.env["PYTHONPATH"] = installed
        stack.worker(concurrency=2)
        flow.settle(90)
    stored, kept, failed = stack.rows(BOOKS, site_ids)[0]
    assert (stored, kept, failed) == (flow.sent, 0, 0)


def test_past_what_may_be_kept_the_broker_queues_and_nothing_is_lost(
    stack: Stack, mosquitto: Callable[..., Mosquitto]
) -> None:
    patient = mosquitto(options=("max_queued_messages 100000",))
    site_ids = sites(stack, patient.port, "failing/full", 1)
    with Flow(stack, patient.port, "failing/full", site_ids, rate=1_000.0) as flow:
        _wait_until_recognised(stack, site_ids)
        FLAG.touch()
        wait_for(
            lambda: stack.one(LOGGED, "% which is the limit%"),
            60,
            what="word that the site is full",
        )
        time.sleep(5)
        stored, kept, failed = stack.rows(BOOKS, site_ids)[0]
        assert 4_000 <= kept < 4_000 + 3 * 2_000, "the limit, and what was under way"
        assert failed == 0
        assert flow.sent > stored + kept, "the rest waits outside"
        wait_for(
            lambda: "reading is paused" in stack.get(f"sites/{site_ids[0]}/status/")["headline"], 30
        )
        FLAG.unlink()
        flow.settle(90)
    stored, kept, failed = stack.rows(BOOKS, site_ids)[0]
    assert (stored, kept, failed) == (flow.sent, 0, 0)
