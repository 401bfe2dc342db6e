"""Shelly devices of the second generation and later: notifications and status of components.

Source: https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Mqtt, and the pages of the
components for their units. `<prefix>` may have any number of levels and names the device:

    <prefix>/events/rpc          NotifyStatus, NotifyFullStatus, NotifyEvent
    <prefix>/status/<component>  the whole status of one component, under the same metrics
    <prefix>/online              true or false, retained, the Will
    <prefix>/announce            what the device is
    <prefix>/rpc, /command       what is asked of the device: ignored

A NotifyStatus carries only what changed, and metrics that it leaves out keep their last values.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    Liveness,
    normal_address,
)
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import Fields, only_text
from mqtt_app.parsers.json_tree import decode, invalid
from mqtt_app.parsers.liveness import checked_liveness
from mqtt_app.parsers.shelly.gen2_metrics import ABOUT_ITSELF, trait

EVENTS = "/events/rpc"
ONLY_CONNECTED = frozenset({"cloud", "mqtt", "ws"})
KEYS_OF_STATUS = (b'"sta_ip"', b'"cfg_rev"', b'"restart_required"')
UPDATES = {"NotifyStatus", "NotifyFullStatus"}
IGNORED_EVENTS = ("ota", "config_changed", "component_", "scheduled_restart")
_NUMBERED = re.compile(r"[a-z][a-z0-9_]*:[0-9]{1,4}", re.ASCII)
_DEFAULT_PREFIX = re.compile(r"shelly[a-z0-9]+-[0-9a-fA-F]{6,12}", re.ASCII)
_SOURCE = re.compile(r"(?P<model>[a-z0-9]+)-[0-9a-fA-F]{6,12}", re.ASCII)
_ASKED = ("/rpc", "/command")


class ShellyGen2Parser:
    name = "shelly_gen2"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        if topic.endswith(EVENTS):
            return 0.9 if b'"method"' in sample or not sample.strip() else 0.0
        levels = topic.split("/")
        if len(levels) > 2 and levels[-2] in ("status", "command"):
            if _NUMBERED.fullmatch(levels[-1]):
                return 0.85
            return 0.75 if levels[-1] in ABOUT_ITSELF and _is_status(levels, sample) else 0.0
        if len(levels) > 1 and "shellies" not in levels and _DEFAULT_PREFIX.fullmatch(levels[-2]):
            if levels[-1] in ("online", "rpc", "command", "announce"):
                return 0.85
            return 0.0
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        topic = message.topic
        if not message.payload.strip():
            return []
        if topic.endswith(EVENTS):
            return list(_notification(topic.removesuffix(EVENTS), decode(message.payload)))
        prefix, _, last = topic.rpartition("/")
        if prefix.endswith("/status"):
            return list(_status(prefix.removesuffix("/status"), last, decode(message.payload)))
        if last == "online":
            return _online(prefix, message.payload)
        if last == "announce":
            return list(_announced(prefix, decode(message.payload)))
        return []


def _is_status(levels: list[str], sample: bytes) -> bool:
    """Whether it is a Shelly that speaks of its `wifi`, `sys` and so on: others do that too."""
    if levels[-3].startswith("shelly"):
        return True
    if levels[-1] in ONLY_CONNECTED:
        return sample.replace(b" ", b"").strip() in (b'{"connected":true}', b'{"connected":false}')
    return any(key in sample for key in KEYS_OF_STATUS)


def _online(device: str, payload: bytes) -> list[Fact]:
    state = checked_liveness(payload)
    if state:
        return [Availability(identifier=device, state=state)]
    return []


def _announced(device: str, tree: Any) -> Iterator[Fact]:
    """The answer of Shelly.GetDeviceInfo."""
    if isinstance(tree, dict):
        yield DeviceDescription(
            device=device,
            name=_text(tree, "name"),
            manufacturer="Shelly",
            model=_text(tree, "app") or _text(tree, "model"),
            software=_text(tree, "ver") or _text(tree, "fw_ver"),
            address=normal_address(_text(tree, "mac")),
        )


def _notification(device: str, frame: Any) -> Iterator[Fact]:
    if isinstance(frame, dict):
        params = frame.get("params")
    else:
        params = None
    if not isinstance(params, dict):
        raise invalid("expected a notification with an object under params")
    time = parse_time(params.get("ts"))
    if frame.get("method") == "NotifyEvent":
        yield from _events(device, params.get("events"), time)
    elif str(frame.get("method")) in UPDATES:
        yield from _described(device, params.get("sys"), _text(frame, "src"))
        for component, status in params.items():
            if component != "ts":
                yield from _component(device, component, status, time)


def _status(device: str, component: str, status: Any) -> Iterator[Fact]:
    if component == "sys":
        yield from _described(device, status, device.rpartition("/")[2])
    yield from _component(device, component, status, None)


def _component(device: str, component: str, status: Any, time: float | None) -> Iterator[Fact]:
    """BLU components have times of their own: when the sensor was last heard."""
    if isinstance(status, dict):
        own = parse_time(status.get("last_updated_ts", status.get("last_update_ts")))
        time = time if own is None else own
        fields = Fields(device=device, trait=trait, read=only_text, time=time)
        yield from fields.facts(status, component)


def _described(device: str, status: Any, source: str) -> Iterator[Fact]:
    """The MAC is in the status of `sys`, the kind of device in the name that it was born with."""
    if isinstance(status, dict) and _text(status, "mac"):
        known = _SOURCE.fullmatch(source)
        yield DeviceDescription(
            device=device,
            manufacturer="Shelly",
            model=known["model"] if known else "",
            address=normal_address(_text(status, "mac")),
        )


def _events(device: str, events: Any, time: float | None) -> Iterator[Fact]:
    """Two events of one component at one moment are stored once."""
    seen: set[tuple[str, float | None]] = set()
    if not isinstance(events, list):
        return
    for event in events:
        if not isinstance(event, dict) or _is_ignored(event):
            continue
        own = parse_time(event.get("ts"))
        if own is None:
            moment = time
        else:
            moment = own
        key = (_text(event, "component"), moment)
        if key not in seen:
            seen.add(key)
            yield from _event(device, event, moment)


def _is_ignored(event: dict[str, Any]) -> bool:
    named = _text(event, "component") and _text(event, "event")
    return not named or _text(event, "event").startswith(IGNORED_EVENTS)


def _event(device: str, event: dict[str, Any], time: float | None) -> Iterator[Fact]:
    component = _text(event, "component")
    data = event.get("data")
    if component == "sys" and event["event"] == "sleep":
        yield Availability(identifier=device, state=Liveness.ASLEEP)
    elif isinstance(data, dict) and _text(data, "address"):
        yield from _relayed(device, data, time)
    else:
        fields = Fields(device=device, trait=trait, read=only_text, time=time)
        metric = f"{component}.event"
        yield from fields.fact(metric, event["event"], trait(metric))
        if isinstance(data, dict):
            yield from fields.facts(data, f"{component}.{event['event']}")


def _relayed(gateway: str, data: dict[str, Any], time: float | None) -> Iterator[Fact]:
    """A BLU sensor that a script on the device relays: its address is in the data."""
    values = {key: value for key, value in data.items() if key not in _RELAYED_IGNORED}
    fields = Fields(
        device=normal_address(data["address"]),
        trait=trait,
        read=only_text,
        time=time,
        gateway=gateway,
    )
    yield from fields.facts(values)


_RELAYED_IGNORED = frozenset({"address", "encryption", "BTHome_version", "pid", "mac"})


def _text(tree: dict[str, Any], key: str) -> str:
    value = tree.get(key)
    if isinstance(value, str):
        return value
    return ""
