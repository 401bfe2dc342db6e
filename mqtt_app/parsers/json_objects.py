"""JSON objects and arrays of no known family, as most home-grown devices send them.

Also the telemetry of ThingsBoard's device API, `{"ts": <ms>, "values": {...}}`
(https://thingsboard.io/docs/reference/mqtt-api/). A topic that mostly brings JSON may also bring
plain values, such as a Will. What is understood is told in docs/parsers/json.md.
"""

from collections.abc import Sequence
from typing import Any

from mqtt_app.domain.facts import Availability, Fact, Liveness, ReadingFact, Remark
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.domain.values import Quantity, UnstorableError, text_value
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.encoding import BOM, text_of
from mqtt_app.parsers.generic.availability import liveness, liveness_key
from mqtt_app.parsers.generic.identity import device_of, identity_key
from mqtt_app.parsers.generic.key_roles import KeyRole, known
from mqtt_app.parsers.generic.records import RecordReader
from mqtt_app.parsers.generic.topic_roles import TopicRole, role_of
from mqtt_app.parsers.generic.units_in_names import unit_in_name
from mqtt_app.parsers.json_tree import decode, looks_like_json, to_float
from mqtt_app.parsers.scalar import plain_facts

_STARTS = (b"{", b"[")
_UTF_16_STARTS = (b"\xff\xfe{\x00", b"\xff\xfe[\x00", b"\xfe\xff\x00{", b"\xfe\xff\x00[")


class JsonParser:
    name = "json"
    version = "2"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        """Also for broken JSON, so that it shows as an error and not as an unknown topic."""
        if _looks_like_json(sample):
            return 0.4
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        role = role_of(message.topic)
        payload = message.payload
        if role.is_silent or not payload.strip(b" \t\r\n\x00"):
            return []
        if not _looks_like_json(payload):
            return plain_facts(message, role)
        tree = decode(payload)
        if type(tree) is dict and "" not in tree and "v" not in tree and not role.speaks_for:
            quick = _flat_values(tree, role.device)
            if quick is not None and payload.isascii():
                return quick
        facts = _facts(tree, role, message)
        if payload.isascii():
            remark = ""
        else:
            remark = text_of(payload).remark
        if remark:
            return [*facts, Remark(text=remark)]
        return facts


def _looks_like_json(payload: bytes) -> bool:
    if payload.startswith(_STARTS):
        return True
    start = payload[:64].removeprefix(BOM).lstrip()
    if start[:1] == b'"':
        return start[1:].lstrip(b" \\n").startswith(_STARTS)
    return start.startswith(_STARTS) or payload.startswith(_UTF_16_STARTS)


def _flat_values(record: dict[str, Any], device: str) -> list[Fact] | None:
    """Readings of an object of single values whose keys are all known and plain, with at most one
    time, a number: nearly every message, so that this is quick. None for any other.
    """
    time: float | None = None
    values: list[tuple[str, float | bool | str, str, bool]] = []
    for key, value in record.items():
        role = known.get(key)
        if role is KeyRole.PLAIN or role is KeyRole.DIAGNOSTIC:
            if type(value) is float:
                values.append((key, value, unit_in_name(key), role is KeyRole.DIAGNOSTIC))
                continue
            quantity = _quantity(value, key, device)
            if quantity is None:
                return None
            unit = _unit(quantity, key)
            values.append((key, quantity.value, unit, role is KeyRole.DIAGNOSTIC))
        elif role is KeyRole.TIME and time is None and type(value) is int:
            time = parse_time(value)
            if time is None:
                return None
        else:
            return None
    return [
        ReadingFact(
            device=device, metric=key, value=value, time=time, unit=unit, diagnostic=diagnostic
        )
        for key, value, unit, diagnostic in values
    ]


def _unit(quantity: Quantity, key: str) -> str:
    if quantity.unit or type(quantity.value) is not float:
        return quantity.unit
    return unit_in_name(key)


def _quantity(value: object, key: str, device: str) -> Quantity | None:
    """The value of a plain key; None where more has to be considered."""
    if isinstance(value, bool):
        return Quantity(value)
    if isinstance(value, int):
        return Quantity(to_float(value))
    if not isinstance(value, str) or key == "phase" or looks_like_json(value):
        return None
    try:
        return text_value(value, key, device)
    except UnstorableError:
        return None


def _facts(tree: Any, role: TopicRole, message: Message) -> list[Fact]:
    reader = RecordReader(role, message.received_at, message.time_zone)
    key = ""
    if role.speaks_for and isinstance(tree, dict):
        key = liveness_key(tree, role.false_is_death)
    if not key:
        return reader.read(tree)
    state = liveness(tree[key], role.false_is_death)
    rest = reader.read({name: value for name, value in tree.items() if name != key})
    if state is not Liveness.ONLINE and _measures(rest):
        # A device that measures is there, whatever the word is about.
        return RecordReader(role, message.received_at, message.time_zone).read(tree)
    identity = identity_key(tree)
    device = role.speaks_for
    if identity:
        device = device_of(str(tree[identity]), identity, device)
    availability = Availability(
        identifier=device,
        state=state or Liveness.ONLINE,
        is_gateway=role.is_gateway and not identity,
    )
    return [availability, *(rest if state is Liveness.ONLINE else [])]


def _measures(facts: list[Fact]) -> bool:
    """Whether there is a number or boolean that is about more than the device itself."""
    return any(
        isinstance(fact, ReadingFact) and not fact.diagnostic and not isinstance(fact.value, str)
        for fact in facts
    )
