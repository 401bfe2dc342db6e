"""Dead letters read, tried and replayed by the API, as the task does it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from mqtt_app.models import (
    AuditEntry,
    DeadLetter,
    MqttConnection,
    Operation,
    Reading,
    Site,
    SiteBooks,
)
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.replay import requests, trial
from mqtt_app.services.replay.batch import replay_next
from tests.integration.api.client import Caller, member_of
from tests.integration.ingest.flaky import Flaky, moment, numbered
from tests.integration.ingest.test_store import NOW, batch, message

pytestmark = pytest.mark.django_db


def rounds(most: int = 100) -> None:
    """As the task on its queue does."""
    for _ in range(most):
        tried = trial.run_next(moment(NOW))
        asked = requests.ask_for_next()
        if not (replay_next(NOW) or tried or asked):
            return


def fail(link: MqttConnection, parser: Flaky, numbers: range, **changes: Any) -> None:
    """Messages that become dead letters, fewer than would pause their parser."""
    parser.broken = True
    pipeline.store(batch(*numbered(link, numbers, **changes)), NOW)
    parser.broken = False


def ask(caller: Caller, site: Site, status: int = 202, **body: Any) -> Any:
    answer = caller.call("POST", f"sites/{site.pk}/dead-letters/replay/", body)
    assert answer.status_code == status, answer.content
    return answer


def values() -> list[float | None]:
    return list(Reading.objects.order_by("value").values_list("value", flat=True))


def terms(site: Site) -> dict[str, int]:
    row = SiteBooks.objects.get(pk=site.pk)
    names = ("received", "stored", "failed", "quarantined", "kept", "kept_bytes")
    return {name: getattr(row, name) for name in names if getattr(row, name)}


def test_dead_letters_are_listed_by_site_and_filter_with_their_payload(
    root: Caller, site: Site, link: MqttConnection, neighbour: MqttConnection, parser: Flaky
) -> None:
    fail(link, parser, range(3))
    fail(neighbour, parser, range(1))
    parser.broken = True
    pipeline.store(batch(message(link, "attic/b", {"n": 9})), NOW)
    page = root.get(f"sites/{site.pk}/dead-letters/")
    assert [row["topic"] for row in page["results"]] == ["attic/b", "hall/a", "hall/a", "hall/a"]
    assert page["results"][0]["size"] == len('{"n": 9}')
    assert "payload" not in page["results"][0]
    by_topic = root.get(f"sites/{site.pk}/dead-letters/?topic=attic/%2B")["results"]
    assert [row["topic"] for row in by_topic] == ["attic/b"]
    one = root.get(f"sites/{site.pk}/dead-letters/{by_topic[0]['id']}/")
    assert (one["text"], one["error"]) == ('{"n": 9}', "no such field")
    later = (datetime.fromtimestamp(NOW, UTC) + timedelta(days=1)).isoformat()
    assert root.get(f"sites/{site.pk}/dead-letters/?from={later}")["results"] == []
    foreign = DeadLetter.objects.get(site=neighbour.site).pk
    assert root.call("GET", f"sites/{site.pk}/dead-letters/{foreign}/").status_code == 404


def test_a_replay_stores_at_the_time_of_receipt_and_twice_is_once(
    root: Caller, site: Site, link: MqttConnection, neighbour: MqttConnection, parser: Flaky
) -> None:
    fail(link, parser, range(5), received_at=NOW - 3_600)
    fail(neighbour, parser, range(1))
    assert terms(site) == {"received": 5, "failed": 5}
    where = ask(root, site, topic="hall/#")["Location"]
    rounds()
    ended = root.get(where)
    assert (ended["state"], ended["progress"]) == ("succeeded", {"done": 5, "total": 5})
    assert (ended["result"]["stored"], ended["result"]["failed"]) == (5, 0)
    assert values() == [0, 1, 2, 3, 4]
    assert {row.time.timestamp() for row in Reading.objects.all()} == {NOW - 3_600}
    assert terms(site) == {"received": 5, "stored": 5}
    assert DeadLetter.objects.get().site_id == neighbour.site_id
    again = ask(root, site, 400, topic="hall/#")
    assert "Nothing to replay" in str(again.json())
    assert AuditEntry.objects.filter(action="replayed", site_id=site.pk).count() == 1


def test_what_fails_again_stays_and_is_named_by_kind(
    root: Caller, site: Site, link: MqttConnection, parser: Flaky
) -> None:
    fail(link, parser, range(3))
    bad = [message(link, "hall/a", {"bad": number}) for number in range(2)]
    pipeline.store(batch(*bad), NOW)
    where = ask(root, site, all=True)["Location"]
    rounds()
    ended = root.get(where)
    assert ended["state"] == "failed"
    assert "2 of 5 messages failed again" in ended["error"]
    assert ended["result"]["errors"] == [{"error": "no such field", "count": 2, "topic": "hall/a"}]
    assert terms(site) == {"received": 5, "stored": 3, "failed": 2}
    assert list(DeadLetter.objects.values_list("state", "operation_id")) == [("resting", None)] * 2


def test_a_trial_shows_the_difference_and_stores_nothing(
    root: Caller, site: Site, link: MqttConnection, parser: Flaky
) -> None:
    pipeline.store(batch(*numbered(link, range(1), received_at=NOW - 10)), NOW)
    fail(link, parser, range(1), received_at=NOW - 10)  # the same value at the same time
    fail(link, parser, range(7, 8), received_at=NOW - 10)  # another one at the same time
    fail(link, parser, range(3))
    pipeline.store(batch(message(link, "hall/a", {"bad": 1})), NOW)
    before = (values(), terms(site), DeadLetter.objects.count())
    where = ask(root, site, all=True, dry_run=True)["Location"]
    rounds()
    ended = root.get(where)
    result = ended["result"]
    assert (ended["state"], result["tried"]) == ("succeeded", 6)
    assert (result["stored"], result["failed"]) == (5, 1)
    assert result["errors"][0]["error"] == "no such field"
    assert result["readings"] == {"new": 3, "equal": 1, "changed": 1}
    assert result["shown"][0] | {"time": ""} == {
        "device": "hall/a",
        "metric": "n",
        "time": "",
        "value": 7.0,
        "stored": [0.0],
        "difference": "changed",
    }
    assert (values(), terms(site), DeadLetter.objects.count()) == before
    assert not AuditEntry.objects.filter(action="replayed").exists()


def test_a_named_parser_reads_instead_of_that_of_the_topic(
    root: Caller, site: Site, link: MqttConnection, parser: Flaky
) -> None:
    fail(link, parser, range(2))
    parser.broken = True
    where = ask(root, site, all=True, parser="other")["Location"]
    rounds()
    assert root.get(where)["result"]["stored"] == 2
    assert values() == [0, 1]
    assert site.connection.discovered_topics.get().parser_name == "flaky", "the topic stays as is"


def test_one_that_kills_its_parser_is_named_by_a_trial_and_put_aside_by_a_replay(
    root: Caller, site: Site, link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    fatal = message(link, "hall/a", {"fatal": 1})
    pipeline.store(batch(fatal, *numbered(link, range(2))), NOW)
    parser.broken = False
    tried = ask(root, site, all=True, dry_run=True)["Location"]
    rounds()
    result = root.get(tried)["result"]
    assert (result["stored"], result["failed"]) == (2, 1)
    assert "killed the process" in result["errors"][0]["error"]
    where = ask(root, site, all=True)["Location"]
    rounds()
    ended = root.get(where)
    assert (ended["result"]["stored"], ended["result"]["failed"]) == (2, 1)
    assert terms(site) == {"received": 3, "stored": 2, "quarantined": 1}


def test_a_replay_is_stopped_and_gone_on_with_and_nothing_is_stored_twice(
    root: Caller,
    site: Site,
    link: MqttConnection,
    parser: Flaky,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(requests, "CHUNK", 4)
    fail(link, parser, range(10))
    where = ask(root, site, all=True)["Location"]
    requests.ask_for_next()
    replay_next(NOW)
    requests.ask_for_next()
    stopped = root.call("POST", f"{where}stop/").json()
    assert (stopped["state"], stopped["progress"]["done"]) == ("superseded", 4)
    assert "Stopped after 4 of 10" in stopped["error"]
    rounds()
    assert values() == [0, 1, 2, 3]
    assert terms(site) == {"received": 10, "stored": 4, "failed": 6}
    assert root.call("POST", f"{where}stop/").status_code == 409
    resumed = root.call("POST", f"{where}resume/")
    assert (resumed.status_code, resumed.json()["state"]) == (202, "running")
    rounds()
    ended = root.get(where)
    assert (ended["state"], ended["progress"]) == ("succeeded", {"done": 10, "total": 10})
    assert values() == list(range(10))
    assert terms(site) == {"received": 10, "stored": 10}


def test_counters_for_machines_never_fall(
    root: Caller, site: Site, link: MqttConnection, parser: Flaky
) -> None:
    fail(link, parser, range(3))
    before = root.call("GET", "/metrics").content.decode()
    ask(root, site, all=True)
    rounds()
    after = root.call("GET", "/metrics").content.decode()
    for text, stored in ((before, "0.0"), (after, "3.0")):
        assert 'sitewire_messages_total{outcome="failed"} 3.0' in text
        assert f'sitewire_messages_total{{outcome="stored"}} {stored}' in text
        assert f'sitewire_site_messages_total{{outcome="failed",site="{site.pk}"}} 3.0' in text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "non_field_errors"),
        ({"topic": "a/#/b"}, "topic"),
        ({"ids": []}, "ids"),
        ({"ids": [1], "topic": "#"}, "non_field_errors"),
        ({"all": True, "parser": "unheard of"}, "parser"),
        ({"all": True, "reason": "mood"}, "reason"),
        ({"all": True, "tpoic": "#"}, "tpoic"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "to"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(
    root: Caller, site: Site, body: dict[str, Any], field: str
) -> None:
    assert field in ask(root, site, 400, **body).json()
    assert not Operation.objects.filter(kind="replay").exists()


def test_a_viewer_reads_and_does_not_replay(
    site: Site, link: MqttConnection, parser: Flaky
) -> None:
    fail(link, parser, range(1))
    viewer = Caller(member_of(site))
    assert viewer.get(f"sites/{site.pk}/dead-letters/")["results"]
    ask(viewer, site, 403, all=True)
    assert viewer.call("POST", f"operations/{uuid4()}/stop/").status_code == 404
