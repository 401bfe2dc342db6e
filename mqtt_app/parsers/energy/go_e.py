"""go-eCharger from version 3 on: `go-eCharger/<serial>/<key>`, each key in JSON.

Source: https://github.com/goecharger/go-eCharger-API-v2/blob/main/apikeys-en.md. `nrg` is one array
of voltages, currents, powers and power factors; its metrics are named after them.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import DeviceDescription, Fact
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import Fields, Trait, number_or_text, only_text, payload_text
from mqtt_app.parsers.json_tree import decode, invalid

ROOTS = frozenset({"go-eCharger", "go-eController"})
NAMES = {"fna": "name", "fwv": "software", "typ": "model"}
ASKED = frozenset({"set", "get", "result"})
IGNORED = frozenset({"utc", "loc", "lts", "sse", "clp", "wss", "wsc", "ocppla"})
ENERGY = {
    **dict.fromkeys(("U_L1", "U_L2", "U_L3", "U_N"), Trait(unit="V")),
    **dict.fromkeys(("I_L1", "I_L2", "I_L3"), Trait(unit="A")),
    **dict.fromkeys(("P_L1", "P_L2", "P_L3", "P_N", "P_total"), Trait(unit="W")),
    **dict.fromkeys(("pf_L1", "pf_L2", "pf_L3", "pf_N"), Trait(unit="%")),
}
TRAITS = {
    "amp": Trait(unit="A"),
    "ama": Trait(unit="A"),
    "acu": Trait(unit="A"),
    "wh": Trait(unit="Wh"),
    "eto": Trait(unit="Wh"),
    "dwo": Trait(unit="Wh"),
    "fhz": Trait(unit="Hz"),
    "tma": Trait(unit="°C"),
    "pgrid": Trait(unit="W"),
    "ppv": Trait(unit="W"),
    "pakku": Trait(unit="W"),
    "rssi": Trait(unit="dBm", diagnostic=True),
    "rbt": Trait(unit="ms", diagnostic=True),
    "rbc": Trait(diagnostic=True),
    "wst": Trait(diagnostic=True),
    "cdi": Trait(),
}


class GoETopic(msgspec.Struct, frozen=True):
    device: str
    serial: str
    key: str
    is_asked: bool


class GoEChargerParser:
    name = "go_e_charger"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if "go-eC" in topic and _place(topic) is not None:
            return 0.85
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None:
            raise invalid("expected a topic such as go-eCharger/<serial>/amp")
        if place.is_asked or place.key in IGNORED or not payload_text(message.payload):
            return []
        return list(_facts(place, decode(message.payload)))


@lru_cache(maxsize=4_096)
def _place(topic: str) -> GoETopic | None:
    levels = topic.split("/")
    at = next((at for at, level in enumerate(levels) if level in ROOTS), None)
    if at is None or len(levels) < at + 3:
        return None
    is_asked = not ASKED.isdisjoint(levels[at + 2 :])
    return GoETopic("/".join(levels[: at + 2]), levels[at + 1], levels[at + 2], is_asked)


def _facts(place: GoETopic, value: Any) -> Iterator[Fact]:
    if place.key in NAMES:
        if isinstance(value, str) and value:
            told = DeviceDescription(
                device=place.device, manufacturer="go-e", address=place.serial[:200]
            )
            yield msgspec.structs.replace(told, **{NAMES[place.key]: value[:200]})
        return
    in_words = place.key == "status"  # of version 2: everything at once, numbers in strings
    fields = Fields(
        device=place.device, trait=_trait, read=number_or_text if in_words else only_text
    )
    if place.key == "nrg" and isinstance(value, list) and len(value) == len(ENERGY):
        for name, number in zip(ENERGY, value, strict=True):
            yield from fields.fact(f"nrg.{name}", number, ENERGY[name])
    else:
        yield from fields.facts(value, "" if in_words else place.key)


def _trait(metric: str) -> Trait:
    return TRAITS.get(metric.partition(".")[0], Trait())
