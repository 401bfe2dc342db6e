"""Shelly devices of the first generation: one value a topic below `shellies/<device>/`.

Source: https://shelly-api-docs.shelly.cloud/gen1/#mqtt-support. Counters of relays, rollers and
lights, and `energy` of a meter, are in Watt-minutes and become kWh; `total` of a meter is in Wh.
`shellies` may stand below levels of a bridge. `info` and the like repeat in JSON what the other
topics carry, under the names of the API.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    FieldProblem,
    ReadingFact,
    normal_address,
)
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import object_at
from mqtt_app.parsers.fields import (
    DIAGNOSTIC,
    PLAIN,
    Fields,
    decoded_object,
    number_or_text,
    only_text,
    payload_text,
)
from mqtt_app.parsers.json_tree import decode, invalid
from mqtt_app.parsers.liveness import checked_liveness
from mqtt_app.parsers.shelly.gen1_metrics import (
    DOOR,
    FLAGS,
    IN_WATT_MINUTES,
    SWITCHED,
    WORDS,
    trait,
)

ROOT = "shellies"
ASKED = frozenset({"command", "set", "settings"})
WATT_MINUTES_PER_KWH = 60_000.0
NO_SENSOR = 999.0  # what an add-on reports for a probe that is not there
UNKNOWN_POSITION = -1.0  # of a roller that is not calibrated

_COUNTER = re.compile(r"meters\.[0-9]+\.total", re.ASCII)


class Gen1Topic(msgspec.Struct, frozen=True):
    """Where a topic stands: the device with all levels before it, and the levels below it."""

    device: str
    below: tuple[str, ...]


class ShellyGen1Parser:
    name = "shelly_gen1"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        """Devices of later generations may have a prefix below `shellies` too."""
        if ROOT not in topic:
            return 0.0
        place = _place(topic)
        if place is None or place.below[0] == "events":
            return 0.0
        return 0.8

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None:
            raise invalid("expected a topic such as shellies/<device>/relay/0")
        text = payload_text(message.payload)
        if not text or not ASKED.isdisjoint(place.below):
            return []
        if place.below == ("online",):
            return _online(place.device, text)
        if text[0] == "[":
            return list(_words(place, decode(message.payload)))
        if text[0] == "{":
            return list(_json_facts(place, decoded_object(message.payload)))
        return list(_scalar_facts(place, text))


@lru_cache(maxsize=4096)
def _place(topic: str) -> Gen1Topic | None:
    """`shellies/announce` and `shellies/command` speak of devices, but are none."""
    levels = topic.split("/")
    if ROOT not in levels[:-1]:
        return None
    root = levels.index(ROOT)
    below = tuple(levels[root + 2 :])
    if below:
        return Gen1Topic("/".join(levels[: root + 2]), below)
    if levels[-1] in ("announce", "command"):
        return Gen1Topic("/".join(levels[: root + 1]), (levels[-1],))
    return None


def _online(device: str, text: str) -> list[Fact]:
    state = checked_liveness(text)
    if state:
        return [Availability(identifier=device, state=state)]
    return []


def _scalar_facts(place: Gen1Topic, text: str) -> Iterator[Fact]:
    metric = ".".join(place.below)
    fields = Fields(device=place.device, trait=trait, read=_reader(place.below))
    for fact in fields.fact(metric, text, trait(metric)):
        if place.below[-1] in IN_WATT_MINUTES:
            yield _in_kwh(fact)
        else:
            yield _checked(fact, place)


def _reader(below: tuple[str, ...]) -> Any:
    """How the text of a topic is read: a switch, a flag, a door, or a number."""
    if below[-1].isdigit() and len(below) > 1:
        kind = below[-2]
    else:
        kind = below[-1]
    if kind in SWITCHED or kind in FLAGS:
        return lambda text: WORDS.get(text.lower(), text)
    if below == ("sensor", "state"):
        return lambda text: DOOR.get(text.lower(), text)
    return number_or_text


def _checked(fact: Fact, place: Gen1Topic) -> Fact:
    """Numbers that stand for no value cost their field."""
    if not isinstance(fact, ReadingFact):
        return fact
    if fact.value == NO_SENSOR and place.below[0].startswith("ext_"):
        return FieldProblem(field=fact.metric, reason="999 stands for a probe that is not there")
    if fact.value == UNKNOWN_POSITION and place.below[-1] == "pos":
        return FieldProblem(field=fact.metric, reason="-1 stands for a position that is not known")
    return fact


def _in_kwh(fact: Fact) -> Fact:
    if not isinstance(fact, ReadingFact) or not isinstance(fact.value, float):
        return fact
    value = round(fact.value / WATT_MINUTES_PER_KWH, 9)
    return msgspec.structs.replace(fact, value=value, unit="kWh")


def _words(place: Gen1Topic, tree: Any) -> Iterator[Fact]:
    """`["sensor", "periodic"]`: reasons of waking, as one text."""
    if isinstance(tree, list):
        words = tree
    else:
        words = [tree]
    text = ", ".join(str(word) for word in words if isinstance(word, str | int | float))
    fields = Fields(device=place.device, trait=trait, read=only_text)
    yield from fields.fact(".".join(place.below), text, DIAGNOSTIC)


def _json_facts(place: Gen1Topic, tree: dict[str, Any]) -> Iterator[Fact]:
    fields = Fields(device=place.device, trait=trait, read=only_text)
    last = place.below[-1]
    if last == "announce":
        yield from _announced(place, tree)
    elif last in ("ext_temperatures", "ext_humidities"):
        yield from _probes(place.device, tree)
    elif last in ("info", "status"):
        yield from _status(fields, place, tree)
    else:
        yield from fields.facts(tree, ".".join(place.below))


def _announced(place: Gen1Topic, tree: dict[str, Any]) -> Iterator[Fact]:
    named = tree.get("id")
    device = place.device
    if device.rpartition("/")[2] == ROOT:
        if not isinstance(named, str) or not named:
            raise invalid("expected an id in the announcement")
        device = f"{device}/{named}"
    yield DeviceDescription(
        device=device,
        name=_word(tree, "name"),
        manufacturer="Shelly",
        model=_word(tree, "model"),
        software=_word(tree, "fw_ver") or _word(tree, "ver"),
        address=normal_address(_word(tree, "mac")),
    )


def _probes(device: str, tree: dict[str, Any]) -> Iterator[Fact]:
    """The same metrics as from the topics of each probe."""
    fields = Fields(device=device, trait=trait, read=only_text)
    names = {"tC": "ext_temperature", "tF": "ext_temperature_f", "hum": "ext_humidity"}
    for number in tree:
        for key, value in object_at(tree, number).items():
            if key in names:
                metric = f"{names[key]}.{number}"
                for fact in fields.fact(metric, value, trait(metric)):
                    yield _checked(fact, Gen1Topic(device, (names[key], number)))


def _status(fields: Fields, place: Gen1Topic, tree: dict[str, Any]) -> Iterator[Fact]:
    """Of the device, or of one light: `ison` in `light/0/status` is the value of `light/0`."""
    path = ".".join(place.below[:-1])
    if path:
        yield from fields.fact(path, tree.get("ison"), PLAIN)
        tree = {key: value for key, value in tree.items() if key != "ison"}
    else:
        yield from _described(place.device, tree)
        radio = tree.get("wifi_sta")
        if isinstance(radio, dict):
            rssi = radio.get("rssi")
        else:
            rssi = None
        tree = {key: value for key, value in tree.items() if key != "wifi_sta"}
        yield from fields.fact("wifi_sta.rssi", rssi, trait("wifi_sta.rssi"))
    for fact in fields.facts(tree, path):
        is_counter = isinstance(fact, ReadingFact) and _COUNTER.fullmatch(fact.metric)
        if is_counter:
            yield _in_kwh(fact)
        else:
            yield fact


def _described(device: str, tree: dict[str, Any]) -> Iterator[Fact]:
    update = tree.get("update")
    mac = _word(tree, "mac")
    if mac:
        yield DeviceDescription(
            device=device,
            manufacturer="Shelly",
            software=_word(update, "old_version") if isinstance(update, dict) else "",
            address=normal_address(mac),
        )


def _word(tree: dict[str, Any], key: str) -> str:
    value = tree.get(key)
    if isinstance(value, str):
        return value
    return ""
