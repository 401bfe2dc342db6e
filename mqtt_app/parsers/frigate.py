"""Frigate: counts of objects, motion and switches of each camera, and the service's own state.

Source: https://docs.frigate.video/integrations/mqtt/. `<prefix>/<camera>/<object>` is a count,
`<prefix>/<camera>/.../state` a switch, `<prefix>/<camera>/status/<role>` tells of the stream.
Snapshots are pictures. A zone has counts as a camera has.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    FieldProblem,
    Liveness,
    ReadingFact,
)
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import object_at
from mqtt_app.parsers.encoding import text_of
from mqtt_app.parsers.json_tree import decode
from mqtt_app.parsers.liveness import said_liveness
from mqtt_app.parsers.tree_values import TreeValue, tree_value, tree_values

FAMILY = "frigate"
COMMANDS = {"set", "restart", "onConnect", "snapshot", "ptz", "suspend", "toggle"}
SERVICES = {"notifications"}  # of the whole installation, not of a camera
EVENTS = {"events": "event", "reviews": "review"}
EVENT_KEYS = ("label", "sub_label", "score", "top_score", "severity", "stationary")
LIVENESS = {
    "stopped": Liveness.OFFLINE,
    "disabled": Liveness.ASLEEP,
}
STATISTICS = re.compile(r"[a-z_]*fps|inference_speed", re.ASCII)
UNITS = {"dBFS": "dB", "inference_speed": "ms"}


class FrigateTopic(msgspec.Struct, frozen=True, gc=False):
    prefix: str
    levels: tuple[str, ...]


@lru_cache(maxsize=16_384)
def place_of(topic: str) -> FrigateTopic:
    """The prefix ends with the first level that begins with `frigate`."""
    levels = topic.split("/")
    for place, level in enumerate(levels[:-1]):
        if level.lower().startswith(FAMILY):
            return FrigateTopic("/".join(levels[: place + 1]), tuple(levels[place + 1 :]))
    return FrigateTopic("", ())


class FrigateParser:
    name = "frigate"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        prefix = place_of(topic).prefix
        if not prefix:
            return 0.0
        if prefix == FAMILY:
            return 0.8
        return 0.7

    def parse(self, message: Message) -> Sequence[Fact]:
        place = place_of(message.topic)
        payload = message.payload.strip()
        if not payload or not any(place.levels) or not COMMANDS.isdisjoint(place.levels):
            return []
        if len(place.levels) == 1:
            return list(_service(place, payload))
        if place.levels[1] == "status" and len(place.levels) == 3:
            return list(_stream(place, payload))
        return list(_value(place, payload))


def _service(place: FrigateTopic, payload: bytes) -> Iterator[Fact]:
    kind = place.levels[0]
    if kind == "available":
        state = said_liveness(payload, LIVENESS)
        if state:
            yield Availability(identifier=place.prefix, state=state, is_gateway=True)
    elif kind in EVENTS:
        yield from _event(place, EVENTS[kind], decode(payload))
    elif kind == "stats":
        yield from _statistics(place, decode(payload))


def _event(place: FrigateTopic, kind: str, tree: Any) -> Iterator[Fact]:
    """What became of a tracked object or of a piece to review, as readings of its camera."""
    if isinstance(tree, dict):
        event = tree.get("after")
    else:
        event = None
    if isinstance(event, dict):
        camera = event.get("camera")
    else:
        camera = None
    if not isinstance(event, dict) or not isinstance(camera, str) or not camera:
        return
    time = parse_time(event.get("frame_time", event.get("start_time")))
    values = {"type": tree.get("type")} | {key: event.get(key) for key in EVENT_KEYS}
    for leaf in tree_values(values, kind):
        yield _reading(place, camera, leaf, time=time)


def _statistics(place: FrigateTopic, tree: Any) -> Iterator[Fact]:
    if not isinstance(tree, dict):
        return
    for camera, values in object_at(tree, "cameras").items():
        if camera and isinstance(values, dict):
            numbers = {key: value for key, value in values.items() if STATISTICS.fullmatch(key)}
            for leaf in tree_values(numbers):
                yield _reading(place, camera, leaf, is_diagnostic=True)
    for detector, values in object_at(tree, "detectors").items():
        if isinstance(values, dict):
            speed = values.get("inference_speed")
        else:
            speed = None
        leaf_or_none = tree_value(f"detectors.{detector}.inference_speed", speed)
        if leaf_or_none:
            yield _reading(place, "", leaf_or_none, is_diagnostic=True)
    yield from _version(place, tree.get("service"))


def _version(place: FrigateTopic, service: Any) -> Iterator[DeviceDescription]:
    if isinstance(service, dict):
        version = service.get("version")
    else:
        version = None
    if isinstance(version, str):
        yield DeviceDescription(
            device=place.prefix, manufacturer="Frigate", software=version, is_gateway=True
        )


def _stream(place: FrigateTopic, payload: bytes) -> Iterator[Availability]:
    """Of the roles of a stream, `detect` is the one that everything else is made from."""
    state = said_liveness(payload, LIVENESS)
    if state and place.levels[2] == "detect":
        yield Availability(
            identifier=f"{place.prefix}/{place.levels[0]}", state=state, gateway=place.prefix
        )


def _value(place: FrigateTopic, payload: bytes) -> Iterator[Fact]:
    if place.levels[0] in SERVICES:
        camera = ""
    else:
        camera = place.levels[0]
    metric = ".".join(place.levels[1:] if camera else place.levels)
    if payload[:1] in (b"{", b"["):
        for leaf in tree_values(decode(payload), metric):
            yield _reading(place, camera, leaf)
        return
    leaf_or_none = tree_value(metric, _text(payload))
    if leaf_or_none:
        yield _reading(place, camera, leaf_or_none)


def _reading(
    place: FrigateTopic,
    camera: str,
    leaf: TreeValue | FieldProblem,
    *,
    time: float | None = None,
    is_diagnostic: bool = False,
) -> ReadingFact | FieldProblem:
    if isinstance(leaf, FieldProblem):
        return leaf
    return ReadingFact(
        device=f"{place.prefix}/{camera}" if camera else place.prefix,
        metric=leaf.path,
        value=leaf.value,
        time=time,
        gateway=place.prefix,
        unit=leaf.unit or UNITS.get(leaf.path.rpartition(".")[2], ""),
        diagnostic=is_diagnostic,
    )


def _text(payload: bytes) -> str:
    return text_of(payload).text.strip().strip('"')
