"""mqtt-smarthome, a convention of many bridges: `<bridge>/status/<item>` `{"val": 1, "ts": ...}`.

Source: https://github.com/mqtt-smarthome/mqtt-smarthome/blob/master/Architecture.md. Homematic,
KNX, Hue, LG and other bridges speak it. The last level of an item is the metric, what stands before it
the device. `ts` is when the value was taken, `lc` when it last changed. `<bridge>/connected` is 0
(the Will), 1 (the bridge has no hardware) or 2.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.domain.facts import Availability, Fact, Liveness
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import PLAIN, Fields, Trait, only_text, payload_text
from mqtt_app.parsers.json_tree import decode, invalid
from mqtt_app.parsers.liveness import checked_liveness

STATUS = "status"
VALUE = "val"
CONNECTED = {"2": Liveness.ONLINE}  # beside the words of all


class MqttSmarthomeParser:
    name = "mqtt_smarthome"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        if f"/{STATUS}/" in topic and b'"val"' in sample and sample.lstrip()[:1] == b"{":
            return 0.7
        if topic.endswith("/connected") and sample.strip() == b"2":
            return 0.6
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        text = payload_text(message.payload)
        if not text:
            return []
        bridge, _, last = message.topic.rpartition("/")
        if last == "connected" and bridge:
            return _connected(bridge, text)
        bridge, found, item = message.topic.partition(f"/{STATUS}/")
        if not found or not item.strip("/"):
            raise invalid("expected a topic such as <bridge>/status/<item>")
        return list(_facts(bridge, item.strip("/"), decode(message.payload)))


def _connected(bridge: str, text: str) -> list[Fact]:
    state = checked_liveness(text, CONNECTED)
    if state:
        return [Availability(identifier=bridge, state=state, is_gateway=True)]
    return []


def _facts(bridge: str, item: str, tree: Any) -> Iterator[Fact]:
    time = None
    trait = PLAIN
    value = tree
    if isinstance(tree, dict):
        if VALUE not in tree:
            raise invalid("expected an object with val")
        time = parse_time(tree.get("ts"))
        value = tree[VALUE]
        if isinstance(tree.get("unit"), str):
            trait = Trait(unit=tree["unit"].strip())
    above, _, metric = item.rpartition("/")
    fields = Fields(
        device=f"{bridge}/{above}" if above else bridge,
        trait=lambda _: trait,
        read=only_text,
        time=time,
        gateway=bridge if above else None,
    )
    yield from fields.facts(value, metric)
