"""What AWS IoT, Azure IoT Hub and Cloud IoT Core keep of a device: shadows, twins and events.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/reserved-topics.html and
https://learn.microsoft.com/azure/iot/iot-mqtt-connect-to-iot-hub. What a device reports are its
readings. What is desired of it, the difference (`delta`), requests and answers are none. A thing is
`$aws/things/<name>`; the connection of AWS that comes or goes is its availability.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import Availability, Fact, Liveness
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import decode_object, object_at
from mqtt_app.parsers.fields import payload_text
from mqtt_app.parsers.generic.records import RecordReader
from mqtt_app.parsers.generic.topic_roles import TopicRole
from mqtt_app.parsers.json_tree import decode

REPORTS = frozenset({"update", "update/accepted", "get/accepted"})
DOCUMENTS = "update/documents"
_KINDS_OF_HUB = {"events": "values"}
PRESENCE = {"connected": Liveness.ONLINE, "disconnected": Liveness.OFFLINE}


class ShadowPlace(msgspec.Struct, frozen=True):
    """`kind`: `reported` for a shadow, `documents`, `values`, or "" for what is no reading.
    `shadow`: the name of a named one.
    """

    device: str
    kind: str
    shadow: str = ""
    state: Liveness | None = None


class DeviceShadowParser:
    name = "device_shadow"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if "$" not in topic and "devices/" not in topic:
            return 0.0
        if _place(topic) is not None:
            return 0.75
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None or not payload_text(message.payload):
            return []
        if place.state is not None:
            return [Availability(identifier=place.device, state=place.state)]
        if not place.kind:
            return []
        if place.kind == "values":
            return _read(place, message, decode(message.payload))
        tree = decode_object(message.payload)
        if place.kind == "documents":
            holder = object_at(tree, "current")
        else:
            holder = tree
        reported: Any = object_at(object_at(holder, "state"), "reported")
        if not reported:
            return []
        if place.shadow:
            reported = {place.shadow: reported}
        time = {key: tree[key] for key in ("timestamp",) if key in tree}
        return _read(place, message, {**reported, **time})


def _read(place: ShadowPlace, message: Message, tree: Any) -> list[Fact]:
    role = TopicRole(device=place.device, parent=place.device, metric="value")
    return RecordReader(role, message.received_at, message.time_zone).read(tree)


def _place(topic: str) -> ShadowPlace | None:
    """Also behind the prefix of a bridge: `site1/$aws/things/pump/shadow/update`."""
    levels = topic.split("/")
    for at, level in enumerate(levels):
        if level == "$aws":
            return _aws(levels, at)
        if level == "$iothub":
            return _twin(levels, at)
    return _hub(levels)


def _aws(levels: list[str], at: int) -> ShadowPlace | None:
    base = "/".join(levels[: at + 1])
    match levels[at + 1 :]:
        case ["events", "presence", event, thing]:
            return ShadowPlace(f"{base}/things/{thing}", "", state=PRESENCE.get(event))
        case ["things", thing, "shadow", "name", shadow, *rest]:
            return ShadowPlace(f"{base}/things/{thing}", _kind(rest), shadow)
        case ["things", thing, "shadow", *rest]:
            return ShadowPlace(f"{base}/things/{thing}", _kind(rest))
        case ["things", *_] | ["events", *_]:
            return ShadowPlace(base, "")
    return None


def _kind(rest: list[str]) -> str:
    operation = "/".join(rest)
    if operation == DOCUMENTS:
        return "documents"
    if operation in REPORTS:
        return "reported"
    return ""


def _twin(levels: list[str], at: int) -> ShadowPlace:
    is_report = levels[at + 1 : at + 5] == ["twin", "PATCH", "properties", "reported"]
    return ShadowPlace("/".join([*levels[: at + 1], "twin"]), "values" if is_report else "")


def _hub(levels: list[str]) -> ShadowPlace | None:
    """`devices/<id>/messages/events/<properties>` of Azure, `/devices/<id>/config` of Google."""
    match levels:
        case ["devices", device, "messages", direction, *_]:
            return ShadowPlace(f"devices/{device}", _KINDS_OF_HUB.get(direction, ""))
        case ["devices", device, "modules", module, "messages", direction, *_]:
            place = f"devices/{device}/modules/{module}"
            return ShadowPlace(place, _KINDS_OF_HUB.get(direction, ""))
        case ["", "devices", device, "config" | "commands", *_]:
            return ShadowPlace(f"/devices/{device}", "")
    return None
