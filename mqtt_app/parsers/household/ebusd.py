"""ebusd, the gateway of heatings on the eBUS: `ebusd/<circuit>/<message>`, in text or JSON.

Source: https://github.com/john30/ebusd/wiki/3.3.-MQTT-client. A device is a circuit behind the
gateway `ebusd`; a metric is `message` or `message.field`. JSON says each field as
`{"temp": {"value": 45.2}}`, or shorter as `{"temp": 45.2}`; text has `;` between fields.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import Availability, DeviceDescription, Fact
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import (
    DIAGNOSTIC,
    PLAIN,
    Fields,
    Trait,
    number_or_text,
    payload_text,
)
from mqtt_app.parsers.json_tree import decode, invalid
from mqtt_app.parsers.liveness import checked_liveness

BASE = "ebusd"
GLOBAL = "global"
SCAN = "scan"  # what the bus was asked for identification
ASKED = frozenset({"get", "set", "list"})
TRUTH = {"true": True, "false": False}
OF_THE_GATEWAY = {"uptime": Trait(unit="s", diagnostic=True), "signal": DIAGNOSTIC}


class EbusdTopic(msgspec.Struct, frozen=True):
    gateway: str
    circuit: str
    message: str
    is_asked: bool


class EbusdParser:
    name = "ebusd"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if BASE in topic and _place(topic) is not None:
            return 0.85
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None:
            raise invalid("expected a topic such as ebusd/<circuit>/<message>")
        text = payload_text(message.payload)
        if not text or place.is_asked or place.circuit.startswith(SCAN):
            return []
        if place.circuit == GLOBAL:
            return list(_of_the_gateway(place, text))
        return list(_fields(place, text))


@lru_cache(maxsize=16_384)
def _place(topic: str) -> EbusdTopic | None:
    levels = topic.split("/")
    if BASE not in levels[:-2]:
        return None
    at = levels.index(BASE)
    rest = levels[at + 1 :]
    is_asked = rest[-1] in ASKED or len(rest) > 2
    return EbusdTopic("/".join(levels[: at + 1]), rest[0], rest[1], is_asked)


def _of_the_gateway(place: EbusdTopic, text: str) -> Iterator[Fact]:
    """`running` is false as the Will."""
    if place.message == "running":
        state = checked_liveness(text)
        if state:
            yield Availability(identifier=place.gateway, state=state, is_gateway=True)
    elif place.message == "version":
        yield DeviceDescription(device=place.gateway, software=text[:200], is_gateway=True)
    elif place.message in OF_THE_GATEWAY:
        trait = OF_THE_GATEWAY[place.message]
        fields = Fields(device=place.gateway, trait=lambda _: trait, read=number_or_text)
        yield from fields.fact(place.message, TRUTH.get(text, text), trait)


def _fields(place: EbusdTopic, text: str) -> Iterator[Fact]:
    fields = Fields(
        device=f"{place.gateway}/{place.circuit}",
        trait=lambda _: PLAIN,
        read=number_or_text,
        gateway=place.gateway,
    )
    if text[0] in "{[":
        yield from fields.facts(_values(decode(text.encode())), place.message)
        return
    parts = text.split(";")
    if len(parts) == 1:
        yield from fields.fact(place.message, text, PLAIN)
        return
    yield from fields.facts(parts, place.message)


def _values(tree: Any) -> Any:
    """Without the wrapper of each field; a message of one field without a name is that field."""
    if not isinstance(tree, dict):
        return tree
    named: dict[str, Any] = {}
    for key, field in tree.items():
        if isinstance(field, dict) and "value" in field:
            name = field.get("name")
            named[name if isinstance(name, str) and name else key] = field["value"]
        else:
            named[key] = field
    if named.keys() == {"0"}:
        return named["0"]
    return named
