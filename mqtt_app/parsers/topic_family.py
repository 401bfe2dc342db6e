"""Device families that publish one value a topic, described by a table instead of code."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

import msgspec

from mqtt_app.domain.facts import Availability, DeviceDescription, Fact, Liveness, Value
from mqtt_app.domain.values import Quantity
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import Fields, Trait, number_or_text, only_text, payload_text
from mqtt_app.parsers.json_tree import decode, invalid
from mqtt_app.parsers.liveness import checked_liveness, words_of

NOBODY: frozenset[str] = frozenset()
FLAGS = {"1": True, "0": False, "true": True, "false": False, "on": True, "off": False}
TRUTH = {"true": True, "false": False}
NOTHING = ("", "null", "None")
WILL = {"online": Liveness.ONLINE, "offline": Liveness.OFFLINE}


class TopicFamily(msgspec.Struct, frozen=True, kw_only=True):
    """`topics` is matched against whole topics. Its groups: `device`, what names the device with
    all levels before it; `metric`, the levels below; `base`, where `gateway` needs it; `asked`, which
    stands only in topics of what is asked of the device.

    - `hints`: texts of which each topic of the family has one, for a quick no to all others.
    - `gateway`: what relays the devices, with `{base}` for that group; "" where nothing does. A
      device of this name is the gateway itself.
    - `states`: words of availability beside those of all families, by metric ("" for the topic of
      the device itself).
    - `states_are_readings`: these words alone count; others are values of the metric.
    - `divided`: by which numbers are to be divided, for those in tenths and the like.
    - `described`: the field of `DeviceDescription` that a metric says.
    - The other sets and tables go by the last name of a metric that is no number; `units` also by
      its last words, which `_` separates.
    """

    name: str
    topics: re.Pattern[str]
    hints: tuple[str, ...]
    confidence: float = 0.8
    units: Mapping[str, str] = {}
    flags: frozenset[str] = NOBODY
    written: frozenset[str] = NOBODY
    diagnostic: frozenset[str] = NOBODY
    ignored: frozenset[str] = NOBODY
    asked: frozenset[str] = frozenset({"set", "get", "cmd", "command"})
    states: Mapping[str, Mapping[str, Liveness]] = {}
    divided: Mapping[str, int] = {}
    described: Mapping[str, str] = {}
    states_are_readings: bool = False
    manufacturer: str = ""
    gateway: str = ""


class FamilyTopic(msgspec.Struct, frozen=True):
    device: str
    metric: str
    gateway: str | None
    is_gateway: bool
    is_asked: bool


class FamilyParser:
    """The parser of one family."""

    version = "1"

    def __init__(self, family: TopicFamily) -> None:
        self.name = family.name
        self._family = family
        self._place = lru_cache(maxsize=4_096)(self._find_place)
        self._trait = lru_cache(maxsize=4_096)(self._find_trait)

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if not any(hint in topic for hint in self._family.hints):
            return 0.0
        if self._place(topic) is not None:
            return self._family.confidence
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = self._place(message.topic)
        if place is None:
            raise invalid(f"expected a topic of {self.name}")
        text = payload_text(message.payload)
        if text in NOTHING or place.is_asked:
            return []
        return list(self._facts(place, text))

    def _find_place(self, topic: str) -> FamilyTopic | None:
        found = self._family.topics.fullmatch(topic)
        if found is None:
            return None
        groups = found.groupdict()
        levels = [level for level in (groups["metric"] or "").split("/") if level]
        says_nothing = not levels and "" not in self._family.states
        gateway = self._family.gateway.format(base=groups.get("base") or "")
        is_gateway = gateway == groups["device"]
        return FamilyTopic(
            device=groups["device"],
            metric=".".join(levels),
            gateway=None if is_gateway else gateway or None,
            is_gateway=is_gateway,
            is_asked=says_nothing
            or bool(groups.get("asked"))
            or not self._family.asked.isdisjoint(levels),
        )

    def _find_trait(self, metric: str) -> Trait:
        name = _last_name(metric)
        return Trait(
            unit=self._unit(name),
            diagnostic=name in self._family.diagnostic,
            ignored=name in self._family.ignored,
        )

    def _unit(self, name: str) -> str:
        """By the whole name, else by the most of its last words that the table has."""
        words = name.split("_")
        endings = ("_".join(words[start:]) for start in range(len(words)))
        return next((unit for ending in endings if (unit := self._family.units.get(ending))), "")

    def _facts(self, place: FamilyTopic, text: str) -> Iterator[Fact]:
        words = self._family.states.get(place.metric)
        if words is None:
            state = None
        elif self._family.states_are_readings:
            state = next((words[word] for word in words_of(text) if word in words), None)
        else:
            state = checked_liveness(text, words)
        if state is not None:
            yield self._availability(place, state)
        elif place.metric in self._family.described:
            yield self._description(place, text)
        elif not self._trait(place.metric).ignored:
            yield from self._readings(place, text)

    def _availability(self, place: FamilyTopic, state: Liveness) -> Fact:
        return Availability(
            identifier=place.device,
            state=state,
            is_gateway=place.is_gateway,
            gateway=place.gateway,
        )

    def _description(self, place: FamilyTopic, text: str) -> Fact:
        field = self._family.described[place.metric]
        return msgspec.structs.replace(
            DeviceDescription(
                device=place.device,
                manufacturer=self._family.manufacturer,
                gateway=place.gateway,
                is_gateway=place.is_gateway,
            ),
            **{field: text.strip('"')[:200]},
        )

    def _readings(self, place: FamilyTopic, text: str) -> Iterator[Fact]:
        name = _last_name(place.metric)
        fields = Fields(
            device=place.device,
            trait=self._trait,
            read=only_text if name in self._family.written else self._reader(name),
            gateway=place.gateway,
        )
        if text[0] in "{[":
            yield from fields.facts(decode(text.encode()), place.metric)
            return
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = text[1:-1]
        yield from fields.fact(place.metric, text, self._trait(place.metric))

    def _reader(self, name: str) -> Callable[[str], Value | Quantity | None]:
        words: Mapping[str, bool] = FLAGS if name in self._family.flags else TRUTH
        divisor = self._family.divided.get(name, 1)

        def read(text: str) -> Value | Quantity | None:
            found = words.get(text.lower())
            if found is None:
                value: Value | Quantity | None = number_or_text(text)
            else:
                value = found
            if divisor != 1 and isinstance(value, Quantity) and isinstance(value.value, float):
                return Quantity(value.value / divisor, value.unit)
            return value

        return read


def _last_name(metric: str) -> str:
    return next((name for name in reversed(metric.split(".")) if not name.isdigit()), metric)
