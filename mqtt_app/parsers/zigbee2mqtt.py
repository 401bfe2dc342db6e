"""Zigbee2MQTT: `<base>/<friendly name>`, `<base>/<friendly name>/availability` and
`<base>/bridge/...`.

Source: https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html. Friendly names may
contain slashes. The base topic is `zigbee2mqtt` or starts with it; it names the gateway.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    Liveness,
    ParseError,
    ParseErrorKind,
    ReadingFact,
)
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.json_tree import decode, flatten, invalid

PREFIX = "zigbee2mqtt"
COMMANDS = {"set", "get"}
METADATA = {"last_seen", "device", "update", "update_available"}
MAX_NAME = 200


class Zigbee2MqttParser:
    name = "zigbee2mqtt"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        base, _, rest = topic.partition("/")
        return 0.9 if base.startswith(PREFIX) and rest else 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        base, _, rest = message.topic.partition("/")
        if not rest:
            raise ParseError(
                ParseErrorKind.PARSE, "expected a topic below the base topic of Zigbee2MQTT"
            )
        if rest == "bridge" or rest.startswith("bridge/"):
            return list(_bridge(base, rest, message.payload))
        device, _, last = rest.rpartition("/")
        if device and last == "availability":
            online = _is_online(message.payload)
            return [
                Availability(
                    identifier=device,
                    state=Liveness.ONLINE if online else Liveness.OFFLINE,
                    gateway=base,
                )
            ]
        if device and (last in COMMANDS or device.rpartition("/")[2] in COMMANDS):
            return []
        return list(_state(base, rest, message.payload))


def _bridge(base: str, rest: str, payload: bytes) -> Iterator[Fact]:
    if rest == "bridge/state":
        yield Availability(
            identifier=base,
            state=Liveness.ONLINE if _is_online(payload) else Liveness.OFFLINE,
            is_gateway=True,
        )
    elif rest == "bridge/devices":
        yield from _descriptions(base, decode(payload))


def _descriptions(base: str, devices: Any) -> Iterator[DeviceDescription]:
    """One per device but the coordinator; what lacks a friendly name is skipped."""
    if not isinstance(devices, list):
        raise invalid("expected an array of devices")
    for device in devices:
        name = device.get("friendly_name") if isinstance(device, dict) else None
        if isinstance(name, str) and name and device.get("type") != "Coordinator":
            yield DeviceDescription(
                device=name, name=_title(name, device.get("definition")), gateway=base
            )


def _title(name: str, definition: Any) -> str:
    known = definition if isinstance(definition, dict) else {}
    kind = " ".join(known[key] for key in ("vendor", "model") if isinstance(known.get(key), str))
    return (f"{name} ({kind})" if kind else name)[:MAX_NAME]


def _state(base: str, device: str, payload: bytes) -> Iterator[ReadingFact]:
    state = decode(payload)
    if not isinstance(state, dict):
        raise invalid("expected a JSON object with the state of a device")
    time = parse_time(state.get("last_seen"))
    values = {key: value for key, value in state.items() if key not in METADATA}
    for metric, value in flatten(values):
        yield ReadingFact(device=device, metric=metric, value=value, time=time, gateway=base)


def _is_online(payload: bytes) -> bool:
    """`{"state": "online"}`, or the plain word of earlier versions."""
    state: Any = payload.strip().decode("latin-1")
    if state.startswith("{"):
        state = decode(payload).get("state")
    if state not in ("online", "offline"):
        raise invalid("expected the state online or offline")
    return bool(state == "online")
