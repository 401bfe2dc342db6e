"""evcc, the charging controller: one value a topic below `evcc`.

Source: https://docs.evcc.io/docs/integrations/mqtt-api. Devices are `evcc/site`, each
`evcc/loadpoints/<n>` and each `evcc/vehicles/<name>`, behind the gateway `evcc`. What stands below
them is the metric: `evcc/site/pv/1/power` is `pv.1.power` of the site. `connected` of a loadpoint
is a car that is plugged in, not the loadpoint's connection; its mode `off` is a mode.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import msgspec

from mqtt_app.domain.facts import Availability, DeviceDescription, Fact, Value
from mqtt_app.domain.values import Quantity
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import Fields, Trait, number_or_text, only_text, payload_text
from mqtt_app.parsers.json_tree import decode, invalid
from mqtt_app.parsers.liveness import checked_liveness

BASE = "evcc"
SITE = "site"
COUNTED = frozenset({"loadpoints", "vehicles"})
TRUTH = {"true": True, "false": False}
NAMES = frozenset({"title", "siteTitle"})
WRITTEN = frozenset({"mode", "vehicleName", "vehicleIdentity", "version", "currency"})
UNITS = {
    "power": "W",
    "chargePower": "W",
    "gridPower": "W",
    "homePower": "W",
    "pvPower": "W",
    "batteryPower": "W",
    "auxPower": "W",
    "residualPower": "W",
    "powers": "W",
    "offeredPower": "W",
    "soc": "%",
    "batterySoc": "%",
    "vehicleSoc": "%",
    "vehicleLimitSoc": "%",
    "limitSoc": "%",
    "effectiveLimitSoc": "%",
    "minSoc": "%",
    "planSoc": "%",
    "prioritySoc": "%",
    "bufferSoc": "%",
    "bufferStartSoc": "%",
    "sessionSolarPercentage": "%",
    "energy": "kWh",
    "gridEnergy": "kWh",
    "pvEnergy": "kWh",
    "batteryEnergy": "kWh",
    "batteryCapacity": "kWh",
    "capacity": "kWh",
    "vehicleCapacity": "kWh",
    "chargeTotalImport": "kWh",
    "limitEnergy": "kWh",
    "planEnergy": "kWh",
    "chargedEnergy": "Wh",
    "sessionEnergy": "Wh",
    "chargeRemainingEnergy": "Wh",
    "chargeCurrent": "A",
    "chargeCurrents": "A",
    "gridCurrents": "A",
    "currents": "A",
    "minCurrent": "A",
    "maxCurrent": "A",
    "effectiveMinCurrent": "A",
    "effectiveMaxCurrent": "A",
    "offeredCurrent": "A",
    "chargeVoltages": "V",
    "voltages": "V",
    "chargeDuration": "s",
    "connectedDuration": "s",
    "chargeRemainingDuration": "s",
    "phaseRemaining": "s",
    "pvRemaining": "s",
    "guardRemaining": "s",
    "enableDelay": "s",
    "disableDelay": "s",
    "vehicleRange": "km",
    "range": "km",
    "vehicleOdometer": "km",
    "odometer": "km",
    "sessionCo2PerKWh": "g/kWh",
    "tariffCo2": "g/kWh",
}


class EvccTopic(msgspec.Struct, frozen=True):
    """`parts`: the levels below the device; none where a list says how long it is."""

    base: str
    device: str
    parts: tuple[str, ...]


class EvccParser:
    name = "evcc"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if BASE in topic and _place(topic) is not None:
            return 0.8
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None:
            raise invalid("expected a topic below evcc")
        text = payload_text(message.payload)
        if not text or not place.parts or place.parts[-1] == "set":
            return []
        if place.device == place.base:
            return _of_the_gateway(place, text)
        return list(_facts(place, text))


@lru_cache(maxsize=16_384)
def _place(topic: str) -> EvccTopic | None:
    levels = topic.split("/")
    if BASE not in levels[:-1]:
        return None
    at = levels.index(BASE) + 1
    base = "/".join(levels[:at])
    rest = levels[at:]
    depth = 0
    if rest[0] == SITE:
        depth = 1
    elif rest[0] in COUNTED:
        depth = 2
    if len(rest) < depth:  # how many there are, of the gateway
        return EvccTopic(base, base, ())
    return EvccTopic(base, "/".join([base, *rest[:depth]]), tuple(rest[depth:]))


def _of_the_gateway(place: EvccTopic, text: str) -> list[Fact]:
    """`evcc/updated` says every second that it is alive; other topics say how it is set up."""
    if place.parts != ("status",):
        return []
    state = checked_liveness(text)
    if state:
        return [Availability(identifier=place.base, state=state, is_gateway=True)]
    return []


def _facts(place: EvccTopic, text: str) -> Iterator[Fact]:
    last = place.parts[-1]
    if len(place.parts) == 1 and last in NAMES:
        yield DeviceDescription(device=place.device, name=text[:200], gateway=place.base)
        return
    metric = ".".join(place.parts)
    if last in WRITTEN:
        read: Callable[[str], Value | Quantity | None] = only_text
    else:
        read = _read
    fields = Fields(device=place.device, trait=_trait, read=read, gateway=place.base)
    if text[0] in "{[":
        yield from fields.facts(decode(text.encode()), metric)
    else:
        yield from fields.fact(metric, text, _trait(metric))


def _read(text: str) -> Value | Quantity | None:
    """Only `true` and `false` are booleans."""
    found = TRUTH.get(text)
    if found is None:
        return number_or_text(text)
    return found


@lru_cache(maxsize=4_096)
def _trait(metric: str) -> Trait:
    """Phases have the unit of what they are phases of: `chargeCurrents.l1`."""
    names = [name for name in metric.split(".") if name not in ("l1", "l2", "l3")]
    return Trait(unit=UNITS.get(names[-1], "") if names else "")
