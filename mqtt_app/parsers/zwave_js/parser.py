"""Z-Wave JS UI: values of nodes, by name or by number, and what became of nodes and gateway.

Source: https://zwave-js.github.io/zwave-js-ui/#/usage/setup?id=gateway. A payload is
`{"time": <ms>, "value": ...}`, the whole description of the value, or the value alone. The status
of a node is `{"time": ..., "value": false, "status": "Dead", "nodeId": 5}`, or true or false alone.
"""

from collections.abc import Iterator, Sequence
from typing import Any

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
from mqtt_app.parsers.encoding import text_of
from mqtt_app.parsers.json_tree import decode
from mqtt_app.parsers.liveness import state_of
from mqtt_app.parsers.tree_values import tree_value, tree_values
from mqtt_app.parsers.zwave_js.topics import CLIENTS, GATEWAY, ZWaveMessage, ZWaveTopic, place_of

LIVENESS = {"awake": Liveness.ONLINE}  # beside the words of all
DIAGNOSTIC = frozenset(
    ["configuration", "112", "manufacturer_specific", "114", "version", "134", "zwaveplus_info"]
)
MAX_NAME = 200


class ZWaveJsParser:
    name = "zwave_js"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        place = place_of(topic)
        if any(f"{level}/{GATEWAY}" in topic for level in CLIENTS):
            return 0.9
        has_value = b'"value"' in sample and b'"time"' in sample
        is_described = b'"commandClass"' in sample and b'"nodeId"' in sample
        if not place.prefix:
            is_status = (
                place.kind is ZWaveMessage.NODE_STATUS and b'"nodeId"' in sample and has_value
            )
            is_value = place.kind is ZWaveMessage.VALUE and has_value
            if is_described or is_status or is_value:
                return 0.8
            return 0.0
        if place.kind in (ZWaveMessage.VALUE, ZWaveMessage.NODE_INFO) or has_value or is_described:
            return 0.85
        is_command = topic.endswith("/set")
        is_raw = place.kind in (
            ZWaveMessage.NODE_STATUS,
            ZWaveMessage.GATEWAY_STATUS,
        ) and _is_boolean(sample)
        if is_command or is_raw:
            return 0.85
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = place_of(message.topic)
        if place.kind is ZWaveMessage.NOTHING or not message.payload.strip():
            return []
        content = _content(message.payload)
        if place.kind is ZWaveMessage.GATEWAY_STATUS:
            return list(_status(place, content, is_gateway=True))
        if place.kind is ZWaveMessage.NODE_STATUS:
            return list(_status(place, content, is_gateway=False))
        if place.kind is ZWaveMessage.NODE_INFO:
            return list(_description(place, content))
        return list(_values(place, content))


def _is_boolean(sample: bytes) -> bool:
    return sample.strip() in (b"true", b"false")


def _content(payload: bytes) -> Any:
    """What JSON holds, or the text that it is."""
    text = text_of(payload).text.strip()
    if text[:1] in ("{", "[", '"'):
        return decode(payload)
    return {"true": True, "false": False, "null": None}.get(text, text)


def _status(place: ZWaveTopic, content: Any, *, is_gateway: bool) -> Iterator[Availability]:
    if is_gateway:
        identifier = place.prefix
    else:
        identifier = place.identifier
    state = _liveness(content)
    if identifier and state:
        yield Availability(
            identifier=identifier,
            state=state,
            is_gateway=is_gateway,
            gateway=None if is_gateway else place.prefix or None,
        )


def _liveness(content: Any) -> Liveness | None:
    """By the word where there is one: `false` alone may also be a node that sleeps."""
    value = content
    if isinstance(content, dict):
        word = content.get("status")
        if isinstance(word, str):
            value = word
        else:
            value = content.get("value")
    return state_of(str(value).lower(), LIVENESS)


def _description(place: ZWaveTopic, content: Any) -> Iterator[DeviceDescription]:
    if not isinstance(content, dict):
        return
    text = {key: value for key, value in content.items() if isinstance(value, str)}
    yield DeviceDescription(
        device=place.identifier,
        name=text.get("name", "")[:MAX_NAME],
        manufacturer=text.get("manufacturer", ""),
        model=text.get("productLabel", "") or text.get("productDescription", ""),
        software=text.get("firmwareVersion", ""),
        gateway=place.prefix or None,
    )


def _values(place: ZWaveTopic, content: Any) -> Iterator[ReadingFact | FieldProblem]:
    value = content
    time = None
    unit = ""
    if isinstance(content, dict) and ("value" in content or "commandClass" in content):
        value = content.get("value")
        time = parse_time(content.get("time", content.get("lastUpdate")))
        if isinstance(content.get("unit"), str):
            unit = content["unit"]
        else:
            unit = ""
    if isinstance(value, dict | list):
        found = list(tree_values(value, place.value))
    else:
        leaf = tree_value(place.value, value)
        if leaf:
            found = [leaf]
        else:
            found = []
    for leaf in found:
        if isinstance(leaf, FieldProblem):
            yield leaf
            continue
        yield ReadingFact(
            device=place.identifier,
            metric=leaf.path,
            value=leaf.value,
            time=time,
            gateway=place.prefix or None,
            unit=leaf.unit or unit,
            diagnostic=place.value.partition(".")[0] in DIAGNOSTIC,
        )
