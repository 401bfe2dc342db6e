"""Modules of Advantech (WISE-4000, ADAM-6000): `Advantech/<MAC>/data`.

Source: the user manuals of the modules, appendix MQTT. The device is the MAC. `s` counts messages,
`q` is the quality, `c` a reason of the message; an analogue input that is switched off says
9999.9999. The Will is `Device_Status` with the status `disconnect`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    FieldProblem,
    Liveness,
    ReadingFact,
    normal_address,
)
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import PLAIN, Fields, only_text, payload_text
from mqtt_app.parsers.json_tree import decode, invalid

ROOT = "Advantech"
STATES = {"connect": Liveness.ONLINE, "disconnect": Liveness.OFFLINE}
ABOUT_THE_MESSAGE = frozenset({"s", "t", "q", "c"})
SWITCHED_OFF = 9999.9999


class AdvantechTopic(msgspec.Struct, frozen=True):
    device: str
    kind: str


class AdvantechParser:
    name = "advantech"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if ROOT in topic and _place(topic) is not None:
            return 0.85
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None:
            raise invalid("expected a topic such as Advantech/<MAC>/data")
        if not payload_text(message.payload) or place.kind not in ("data", "Device_Status"):
            return []
        tree = decode(message.payload)
        if not isinstance(tree, dict):
            raise invalid("expected a JSON object")
        return list(_data(place, tree) if place.kind == "data" else _status(place, tree))


def _place(topic: str) -> AdvantechTopic | None:
    levels = topic.split("/")
    if ROOT not in levels[:-2]:
        return None
    at = levels.index(ROOT)
    return AdvantechTopic(normal_address(levels[at + 1]) or ROOT, levels[at + 2])


def _data(place: AdvantechTopic, tree: dict[str, Any]) -> Iterator[Fact]:
    if tree.get("t"):
        time = parse_time(tree.get("t"))
    else:
        time = None
    values = {key: value for key, value in tree.items() if key not in ABOUT_THE_MESSAGE}
    fields = Fields(device=place.device, trait=lambda _: PLAIN, read=only_text, time=time)
    for fact in fields.facts(values):
        if isinstance(fact, ReadingFact) and fact.value == SWITCHED_OFF:
            yield FieldProblem(field=fact.metric, reason="9999.9999 is an input switched off")
        else:
            yield fact


def _status(place: AdvantechTopic, tree: dict[str, Any]) -> Iterator[Fact]:
    state = STATES.get(str(tree.get("status")).lower())
    if state is None:
        raise invalid("expected the status connect or disconnect")
    yield Availability(identifier=place.device, state=state)
    name = tree.get("name")
    if isinstance(name, str) and name:
        yield DeviceDescription(
            device=place.device, name=name[:200], manufacturer="Advantech", address=place.device
        )
