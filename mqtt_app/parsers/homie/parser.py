"""Homie 3, 4 and 5: values of properties, described by attributes.

Source: https://homieiot.github.io/specification/. A device is the topic down to it,
`homie/5/super-car`; a metric is `node.property`. `$state` is its availability, `sleeping` asleep.
`lost` of a root is the loss of all devices below it, until it is back. Data types are remembered:
`"007"` of a string is text, `"7"` of an integer a number, `"true"` of a boolean a boolean.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    Liveness,
    MetricDescription,
    TopicDescription,
    normal_address,
)
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import DIAGNOSTIC, Fields, Trait, number_or_text, payload_text
from mqtt_app.parsers.homie import memory as remembered
from mqtt_app.parsers.homie.memory import DeviceTree
from mqtt_app.parsers.homie.topics import HomieTopic, has_base, is_asked, is_attribute, place_of
from mqtt_app.parsers.homie.values import facts_of
from mqtt_app.parsers.json_tree import decode, invalid
from mqtt_app.parsers.liveness import state_of, words_of

STATES = {
    "init": Liveness.ONLINE,
    "ready": Liveness.ONLINE,
    "alert": Liveness.ONLINE,
    "sleeping": Liveness.ASLEEP,
    "disconnected": Liveness.OFFLINE,
    "lost": Liveness.OFFLINE,
    "true": Liveness.ONLINE,  # `$online` of Homie 2
    "false": Liveness.OFFLINE,
}
LOST = "lost"
PICTURE = "map-data"  # Valetudo's map, compressed, for Home Assistant in a picture too
STATISTICS = {
    "uptime": Trait(unit="s", diagnostic=True),
    "signal": Trait(unit="%", diagnostic=True),
    "cputemp": Trait(unit="°C", diagnostic=True),
    "cpuload": Trait(unit="%", diagnostic=True),
    "freeheap": Trait(unit="B", diagnostic=True),
    "battery": Trait(unit="%"),
    "supply": Trait(unit="V"),
}


class HomieParser:
    name = "homie"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if "/$" in topic and is_attribute(topic):
            return 0.85
        if not has_base(topic.split("/")[:-2]):
            return 0.0
        if place_of(topic) is not None or is_asked(topic):
            return 0.8
        return 0.0

    def remembers(self, topic: str) -> Sequence[str]:
        place = place_of(topic)
        if place is not None:
            return remembered.keys_of(place)
        return ()

    def parse(self, message: Message) -> Sequence[Fact]:
        if is_asked(message.topic):
            return []
        place = place_of(message.topic)
        if place is None:
            raise invalid("expected a topic such as homie/<device>/<node>/<property>")
        text = payload_text(message.payload)
        if place.attribute:
            return list(_attribute(place, text, message))
        if not text or place.below[-1].startswith(PICTURE):
            return []
        data_type = remembered.data_type(place, message.memory)
        return list(facts_of(place.device, place.metric, text, data_type))


def _attribute(place: HomieTopic, text: str, message: Message) -> Iterator[Fact]:
    named = place.attribute[0]
    if named == "$datatype":
        yield remembered.type_remembered(place, text)
    elif named == "$description":
        yield from _document(place, text, message)
    elif not text:
        return
    elif named in ("$state", "$online"):
        yield from _state(place, text, message)
    elif named in ("$stats", "$alert"):
        yield from _statistic(place, text)
    elif place.below:
        yield from _of_property(place, named, text)
    else:
        yield from _of_device(place, text)


def _of_device(place: HomieTopic, text: str) -> Iterator[Fact]:
    match place.attribute:
        case ("$name",):
            yield DeviceDescription(device=place.device, name=text[:200])
        case ("$fw", "version"):
            yield DeviceDescription(device=place.device, software=text[:200])
        case ("$mac",):
            yield DeviceDescription(device=place.device, address=normal_address(text[:200]))


def _of_property(place: HomieTopic, named: str, text: str) -> Iterator[Fact]:
    if len(place.below) != 2 or named not in ("$unit", "$name"):
        return
    said = {"$unit": "unit", "$name": "name"}[named]
    yield from _metric(place, place.below, {said: text})


def _metric(place: HomieTopic, below: tuple[str, ...], said: dict[str, Any]) -> Iterator[Fact]:
    """Below a base of its own the values are read by whoever takes their topics."""
    unit = said.get("unit")
    name = said.get("name")
    if isinstance(unit, str):
        unit = unit[:50]
    else:
        unit = ""
    if isinstance(name, str):
        name = name[:200]
    else:
        name = ""
    if place.has_own_base:
        topic = "/".join((place.device, *below))
        source = f"homie {topic} {'unit' if unit else 'name'}"
        yield TopicDescription(source=source, topic=topic, metric_name=name, unit=unit)
    elif unit or name:
        yield MetricDescription(device=place.device, metric=".".join(below), unit=unit, name=name)


def _statistic(place: HomieTopic, text: str) -> Iterator[Fact]:
    """`$stats/interval` is how often they come, and no statistic."""
    if len(place.attribute) != 2 or place.attribute[1] == "interval":
        return
    metric = ".".join(place.attribute)
    if place.attribute[0] == "$stats":
        known = STATISTICS
    else:
        known = {}
    trait = known.get(place.attribute[1], DIAGNOSTIC)
    fields = Fields(device=place.device, trait=lambda _: trait, read=number_or_text)
    yield from fields.fact(metric, text, trait)


def _state(place: HomieTopic, text: str, message: Message) -> Iterator[Fact]:
    word, state = _state_said(text)
    if state is None:
        return
    known = remembered.tree(place, message.memory)
    child = known.children.get(place.device)
    if child is None or child.root not in known.lost:
        yield Availability(identifier=place.device, state=state)
    if child is not None and child.state != word:
        child.state = word
        yield remembered.tree_remembered(place, known)
    elif child is None:
        yield from _of_children(place, known, is_lost=word == LOST)


def _state_said(text: str) -> tuple[str, Liveness | None]:
    """The word of the state, and what it means; nothing for JSON's null."""
    words = words_of(text)
    for word in words:
        state = state_of(word, STATES)
        if state is not None:
            return word, state
    if words:
        raise invalid(f"{words[0][:60]!r} is no state of Homie")
    return "", None


def _of_children(place: HomieTopic, known: DeviceTree, *, is_lost: bool) -> Iterator[Fact]:
    """Children of a lost root are lost; when it is back, each is what it last said of itself."""
    own = [name for name, child in known.children.items() if child.root == place.device]
    if not own or is_lost == (place.device in known.lost):
        return
    for name in own:
        if is_lost:
            state: Liveness | None = Liveness.OFFLINE
        else:
            state = state_of(known.children[name].state, STATES)
        if state is not None:
            yield Availability(identifier=name, state=state)
    known.lost = [root for root in known.lost if root != place.device]
    if is_lost:
        known.lost.append(place.device)
    yield remembered.tree_remembered(place, known)


def _document(place: HomieTopic, text: str, message: Message) -> Iterator[Fact]:
    """Homie 5: all of a device at once; an empty one is a device that was removed."""
    if not text:
        yield remembered.document_remembered(place, {})
        return
    document = decode(text.encode())
    if not isinstance(document, dict):
        raise invalid("expected a JSON object that describes the device")
    name = document.get("name")
    if isinstance(name, str) and name:
        yield DeviceDescription(device=place.device, name=name[:200])
    types: dict[str, str] = {}
    for below, said in _properties(document):
        if isinstance(said.get("datatype"), str):
            types[".".join(below)] = said["datatype"]
        yield from _metric(place, below, said)
    yield remembered.document_remembered(place, types)
    known = remembered.tree(place, message.memory)
    if remembered.family(place, document, known):
        yield remembered.tree_remembered(place, known)


def _properties(document: dict[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for node, about in _entries(document.get("nodes")):
        for name, said in _entries(about.get("properties")):
            yield (node, name), said


def _entries(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(tree, dict):
        yield from ((name, about) for name, about in tree.items() if isinstance(about, dict))
