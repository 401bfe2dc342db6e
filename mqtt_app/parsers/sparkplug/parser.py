"""Sparkplug B: `spBv1.0/<group>/<message type>/<edge node>[/<device>]`, and `spBv1.0/STATE/<host>`.

Source: Sparkplug 3.0.0 (https://sparkplug.eclipse.org/specification/), chapters 4 to 6. The topic
may stand below other levels. The edge node is the gateway `<group>/<node>`; its own metrics are a
device of the same identifier, and its devices are `<group>/<node>/<device>`.

    NBIRTH, DBIRTH   readings, and names, aliases, data types and units for what follows
    NDATA, DDATA     readings
    NDEATH, DDEATH   the edge node, or the device, is gone. An NDEATH with the bdSeq of an earlier
                     session than the last NBIRTH began is stale: the broker sent it late
    NCMD, DCMD, STATE   nothing

The parser only listens: no rebirth is ever requested.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    Liveness,
    ParseError,
    ParseErrorKind,
    Remark,
    Remembered,
)
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import ReadingCollector, label
from mqtt_app.parsers.sparkplug import births, metrics
from mqtt_app.parsers.sparkplug.schema import decode

NAMESPACE = "spBv1.0"
BIRTHS = frozenset({"NBIRTH", "DBIRTH"})
DATA = frozenset({"NDATA", "DDATA"})
DEATHS = frozenset({"NDEATH", "DDEATH"})
TYPES = BIRTHS | DATA | DEATHS | {"NCMD", "DCMD", "STATE"}
SEQUENCE = 256  # seq runs from 0 to 255 and starts again


class SparkplugTopic(msgspec.Struct, frozen=True):
    """`node` and `device` are identifiers; `device` is the node's own for messages of the node."""

    kind: str
    node: str
    device: str
    name: str

    @property
    def birth_key(self) -> str:
        return f"birth:{self.device}"

    @property
    def sequence_key(self) -> str:
        return f"seq:{self.node}"


class SparkplugParser:
    name = "sparkplug"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        if _address(topic) is not None:
            return 0.9
        # the births of applications before Sparkplug 3.0
        is_state = topic.startswith("STATE/") and topic.count("/") == 1
        if is_state and sample in (b"ONLINE", b"OFFLINE", b""):
            return 0.8
        return 0.0

    def remembers(self, topic: str) -> Sequence[str]:
        address = _address(topic)
        if address is None or address.kind not in BIRTHS | DATA | DEATHS:
            return ()
        return address.birth_key, address.sequence_key

    def parse(self, message: Message) -> Sequence[Fact]:
        address = _address(message.topic)
        if address is None or not message.payload:
            return []
        if address.kind in DEATHS:
            return list(_death(address, message))
        if address.kind not in BIRTHS | DATA:
            return []
        payload = decode(message.payload)
        if address.kind in BIRTHS:
            return list(_birth(address, payload))
        return list(_data(address, payload, message))


@lru_cache(maxsize=16_384)
def _address(topic: str) -> SparkplugTopic | None:
    """None for what is no topic of Sparkplug B."""
    if NAMESPACE not in topic:
        return None
    levels = topic.split("/")
    if NAMESPACE not in levels:
        return None
    place = levels.index(NAMESPACE)
    above = levels[:place]
    below = levels[place + 1 :]
    if below[:1] == ["STATE"]:
        return SparkplugTopic("STATE", "", "", "")
    if len(below) not in (3, 4) or below[1] not in TYPES or not all(below):
        return None
    node = "/".join([*above, below[0], below[2]])
    if len(below) == 3:
        return SparkplugTopic(below[1], node, node, below[2])
    return SparkplugTopic(below[1], node, f"{node}/{below[3]}", below[3])


def _birth(address: SparkplugTopic, payload: Any) -> Iterator[Fact]:
    is_node = address.kind == "NBIRTH"
    yield Availability(
        identifier=address.device,
        state=Liveness.ONLINE,
        is_gateway=is_node,
        gateway=None if is_node else address.node,
    )
    if is_node:
        yield DeviceDescription(device=address.node, name=label(address.name), is_gateway=True)
    found = metrics.read_birth(payload)
    yield found.description(address.device, label(address.name), address.node)
    collector = ReadingCollector(address.device, gateway=address.node)
    metrics.collect(collector, payload, found.birth, "")
    yield from collector.facts()
    yield from found.metric_descriptions(address.device)
    remembered = births.remember(address.birth_key, found.session, found.definitions)
    yield remembered or Remark(text="the birth message is too large; aliases stay unknown")
    yield from _sequence(address, payload)


def _data(address: SparkplugTopic, payload: Any, message: Message) -> Iterator[Fact]:
    known = births.recall(message.memory, address.birth_key)
    if address.kind == "NDATA":
        kind = "NBIRTH"
    else:
        kind = "DBIRTH"
    collector = ReadingCollector(address.device, gateway=address.node)
    missing = f"no {kind} of {address.device} was seen that defines it"
    unknown = metrics.collect(collector, payload, known or births.NONE, missing)
    facts = collector.facts()
    if unknown and unknown == len(payload.metrics):
        reason = f"all {unknown} metrics have aliases only, and {missing.removesuffix(' it')} them"
        raise ParseError(
            ParseErrorKind.VALIDATION, f"{reason}. They are readable after its next {kind}."
        )
    yield from facts
    yield from _gap(address, payload, message)
    yield from _sequence(address, payload)


def _death(address: SparkplugTopic, message: Message) -> Iterator[Fact]:
    payload = decode(message.payload)
    is_node = address.kind == "NDEATH"
    if is_node and (stale := _stale(address, payload, message)):
        yield Remark(text=stale)
        return
    yield Availability(
        identifier=address.device,
        state=Liveness.OFFLINE,
        is_gateway=is_node,
        gateway=None if is_node else address.node,
    )
    if not is_node:
        yield from _sequence(address, payload)


def _stale(address: SparkplugTopic, payload: Any, message: Message) -> str:
    """Why an NDEATH is not believed; "" when it is."""
    session = metrics.session_of(payload)
    known = births.recall(message.memory, address.birth_key)
    if session is None or known is None or known.session in (None, session):
        return ""
    return (
        f"a late death message of an earlier session (bdSeq {session}) was ignored; "
        f"the last NBIRTH has bdSeq {known.session}"
    )


def _gap(address: SparkplugTopic, payload: Any, message: Message) -> Iterator[Remark]:
    last = message.memory.get(address.sequence_key, b"")
    if not payload.HasField("seq") or not last.isdigit():
        return
    before = int(last)
    lost = (payload.seq - before - 1) % SEQUENCE
    if payload.seq != before and lost:
        yield Remark(
            text=f"seq {payload.seq} came after seq {before}: messages of the edge node "
            f"{address.node} were lost, or some of its topics are not active"
        )


def _sequence(address: SparkplugTopic, payload: Any) -> Iterator[Remembered]:
    if payload.HasField("seq"):
        yield Remembered(key=address.sequence_key, value=str(payload.seq % SEQUENCE).encode())
