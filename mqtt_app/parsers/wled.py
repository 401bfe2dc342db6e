"""WLED: brightness (`/g`), colour (`/c`), the whole state as XML (`/v`) and `/status`.

Source: https://kno.wled.ge/interfaces/mqtt/ and, for the names in the XML,
https://kno.wled.ge/interfaces/http-api/. The device topic is `wled/<mac>` unless the user chose
another; the topic itself, `/col` and `/api` are commands, and so is everything below the group
topic, `wled/all`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    FieldProblem,
    ReadingFact,
)
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.encoding import text_of
from mqtt_app.parsers.json_tree import invalid
from mqtt_app.parsers.liveness import said_liveness
from mqtt_app.parsers.tree_values import tree_value

FAMILY = "wled"
GROUP = "all"
VALUES = {"g", "c"}
STATE = "v"
COMMANDS = {"col", "api"}
MARK = b"<vs>"  # the root of the state
NAME = "ds"  # the element with the device's name

_ELEMENT = re.compile(r"<([a-z]{2,8})>([^<>]{0,200})</\1>", re.ASCII)


class WledTopic(msgspec.Struct, frozen=True, gc=False):
    device: str
    leaf: str


@lru_cache(maxsize=16_384)
def place_of(topic: str) -> WledTopic:
    device, _, leaf = topic.rpartition("/")
    return WledTopic(device, leaf)


class WledParser:
    name = "wled"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        place = place_of(topic)
        if place.leaf == STATE and MARK in sample:
            return 0.9
        levels = topic.split("/")
        if FAMILY not in levels[:-1]:
            return 0.0
        is_own = place.leaf in VALUES | COMMANDS | {STATE, "status"} or levels[-2] == FAMILY
        if not is_own:
            return 0.0
        if levels[0] == FAMILY:
            return 0.8
        return 0.7

    def parse(self, message: Message) -> Sequence[Fact]:
        place = place_of(message.topic)
        text = text_of(message.payload).text.strip()
        if not text or not place.device or _is_command(place):
            return []
        if place.leaf == "status":
            state = said_liveness(text)
            if state:
                return [Availability(identifier=place.device, state=state)]
            return []
        if place.leaf == STATE:
            if MARK not in message.payload:
                raise invalid("expected the state of a light as XML")
            return list(_state(place.device, text))
        return list(_reading(place.device, place.leaf, text))


def _is_command(place: WledTopic) -> bool:
    last = place.device.rpartition("/")[2]
    return place.leaf not in {*VALUES, STATE, "status"} or last == GROUP


def _state(device: str, text: str) -> Iterator[Fact]:
    """A name that comes several times, as `cl` for each colour, is numbered."""
    elements = _ELEMENT.findall(text)
    counts = Counter(name for name, _ in elements)
    places: dict[str, int] = {}
    for name, value in elements:
        if name == NAME:
            yield DeviceDescription(device=device, name=value, manufacturer="WLED")
            continue
        place = places.get(name, 0)
        places[name] = place + 1
        yield from _reading(device, f"{name}.{place}" if counts[name] > 1 else name, value)


def _reading(device: str, metric: str, text: str) -> Iterator[ReadingFact | FieldProblem]:
    leaf = tree_value(metric, text)
    if isinstance(leaf, FieldProblem):
        yield leaf
    elif leaf is not None:
        yield ReadingFact(device=device, metric=leaf.path, value=leaf.value)
