"""What is shown to those who look at what arrives, and what it costs nobody."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from mqtt_app import events
from mqtt_app.coordination import tails
from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.keys import TAILS
from mqtt_app.coordination.tails import Tail
from mqtt_app.domain.ingest.tail_allowance import A_SECOND
from mqtt_app.models import DiscoveredTopic, MqttConnection
from mqtt_app.services.ingest import pipeline, tailing
from mqtt_app.services.ingest.memory import PROCESS
from tests.integration.ingest.test_store import NOW, batch, message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    PROCESS.forget()
    quick_client().delete(TAILS)
    yield
    quick_client().delete(TAILS)


class Seen:
    """`committed()`: what is done within it is committed at its end."""

    def __init__(self, capture: DjangoCaptureOnCommitCallbacks) -> None:
        self.events: list[dict[str, Any]] = []
        self._capture = capture

    def committed(self) -> Any:
        return self._capture(execute=True)

    def tail(self, **values: Any) -> None:
        self.events.append(values)

    @property
    def outcomes(self) -> dict[str, str]:
        return {
            line["topic"]: line["outcome"] for event in self.events for line in event["messages"]
        }


@pytest.fixture
def seen(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> Seen:
    """What is published of what is done in `committed`."""
    found = Seen(django_capture_on_commit_callbacks)
    monkeypatch.setattr(events, "tail", found.tail)
    return found


def watch(monkeypatch: pytest.MonkeyPatch, *open_tails: Tail) -> None:
    class Watching:
        def current(self) -> tuple[Tail, ...]:
            return open_tails

    monkeypatch.setattr(tailing, "WATCH", Watching())


def test_each_message_is_shown_with_what_became_of_it(
    link: MqttConnection, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(monkeypatch, Tail(link.site_id, "#"))
    pipeline.store(batch(message(link, "off", {"t": 1})), NOW)
    DiscoveredTopic.objects.update(is_active=False)
    seen.events.clear()
    with seen.committed():
        pipeline.store(
            batch(
                message(link, "off", {"t": 1}),
                message(link, "hall/a", {"t": 1.5, "h": 40}),
                message(link, "odd", b"\xc1\xff\x00\x13"),
            ),
            NOW + 5,
        )
    assert seen.outcomes["hall/a"] == "json: 2 readings"
    assert seen.outcomes["off"] == "switched off"
    assert seen.outcomes["odd"] == "no parser"
    [event] = seen.events
    assert (event["site_id"], event["filter"], event["more"]) == (link.site_id, "#", 0)
    odd = next(line for line in event["messages"] if line["topic"] == "odd")
    assert (odd["payload"], odd["size"]) == ("c1 ff 00 13", 4)


def test_only_the_filter_and_the_site_that_are_looked_at_are_shown(
    link: MqttConnection, healthy: MqttConnection, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(monkeypatch, Tail(link.site_id, "hall/+"))
    sent = [
        message(link, "hall/a", {"t": 1}),
        message(link, "yard/a", {"t": 1}),
        message(healthy, "hall/b", {"t": 1}),
    ]
    with seen.committed():
        pipeline.store(batch(*sent), NOW)
    assert set(seen.outcomes) == {"hall/a"}


def test_more_than_a_browser_bears_is_counted_only(
    link: MqttConnection, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(monkeypatch, Tail(link.site_id, "#"))
    with seen.committed():
        pipeline.store(
            batch(*(message(link, f"h/{n}", {"t": 1}) for n in range(A_SECOND + 7))), NOW
        )
    [event] = seen.events
    assert (len(event["messages"]), event["more"]) == (A_SECOND, 7)


def test_what_is_not_committed_is_not_shown(
    link: MqttConnection, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(monkeypatch, Tail(link.site_id, "#"))
    lost = batch(message(link, "hall/a", {"t": 1}))

    def refuse(*_: object) -> bool:
        raise RuntimeError("after the tail")

    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "change", refuse)
        with seen.committed(), pytest.raises(RuntimeError):
            pipeline.store(lost, NOW)
    assert seen.events == []


def test_a_look_ends_by_itself_and_their_number_is_bounded() -> None:
    tails.look(Tail(1, "#"), NOW)
    assert tails.open_tails(NOW + tails.TTL - 1) == [Tail(1, "#")]
    assert tails.open_tails(NOW + tails.TTL + 1) == []
    for number in range(tails.MOST - 1):
        tails.look(Tail(1, f"a/{number}"), NOW)
    with pytest.raises(tails.TooManyTailsError):
        tails.look(Tail(2, "#"), NOW)
    tails.look(Tail(1, "#"), NOW + 1)
    tails.look(Tail(2, "#"), NOW + tails.TTL + 2)
