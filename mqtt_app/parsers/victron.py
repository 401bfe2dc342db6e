"""Venus OS of Victron: `N/<portal>/<service>/<instance>/<path>` with `{"value": ...}`.

Source: https://github.com/victronenergy/dbus-flashmq; units of the paths:
https://github.com/victronenergy/venus/wiki/dbus. The last level is the metric of what is above it:
`Power` of `N/<portal>/grid/30/Ac/L1`, `Soc` of `N/<portal>/battery/512`, behind the GX device
`N/<portal>`. `{"value": null}` (older: `[]`) is a value that is not valid now, an empty payload a
service that went from the bus. `R/` and `W/` are requests.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import Availability, DeviceDescription, Fact, Liveness
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import (
    Fields,
    Trait,
    decoded_object,
    only_text,
    payload_text,
)
from mqtt_app.parsers.json_tree import invalid

NOTIFICATION = "N"
PREFIXES = (NOTIFICATION, "R", "W")
OF_THE_GX_DEVICE = frozenset({"heartbeat", "full_publish_completed", "keepalive"})
DESCRIPTIONS = {
    "ProductName": "model",
    "CustomName": "name",
    "FirmwareVersion": "software",
    "Serial": "address",
}
METADATA = frozenset({"ProductId", "DeviceInstance", "DeviceType", "HardwareVersion", "Mgmt"})
DIAGNOSTIC_SERVICES = frozenset({"settings", "platform", "logger", "adc", "modem"})

# By the last levels of a path, longest first.
UNITS = {
    "Energy/Forward": "kWh",
    "Energy/Reverse": "kWh",
    "Yield/User": "kWh",
    "Yield/System": "kWh",
    "Yield/Power": "W",
    "Dc/Power": "W",
    "Power": "W",
    "P": "W",
    "MaxPower": "W",
    "AcPowerSetpoint": "W",
    "S": "VA",
    "Voltage": "V",
    "V": "V",
    "MaxVoltage": "V",
    "MinVoltage": "V",
    "MidVoltage": "V",
    "MaxCellVoltage": "V",
    "MinCellVoltage": "V",
    "MaxChargeVoltage": "V",
    "Current": "A",
    "I": "A",
    "CurrentLimit": "A",
    "MaxChargeCurrent": "A",
    "MaxDischargeCurrent": "A",
    "Frequency": "Hz",
    "F": "Hz",
    "Temperature": "°C",
    "MaxCellTemperature": "°C",
    "MinCellTemperature": "°C",
    "Soc": "%",
    "Soh": "%",
    "Level": "%",
    "Humidity": "%",
    "Pressure": "hPa",
    "Irradiance": "W/m²",
    "SolarIrradiance": "W/m²",
    "WindSpeed": "m/s",
    "ConsumedAmphours": "Ah",
    "InstalledCapacity": "Ah",
    "TimeToGo": "s",
    "TimeSinceLastFullCharge": "s",
    "ChargingTime": "s",
    "Runtime": "s",
    "Remaining": "m³",
    "Yield": "kWh",
    "ChargedEnergy": "kWh",
    "DischargedEnergy": "kWh",
    "Latitude": "°",
    "Longitude": "°",
    "Course": "°",
    "Altitude": "m",
    "Speed": "m/s",
    "Rssi": "dBm",
}
OF_A_SERVICE = {("battery", "Capacity"): "Ah", ("tank", "Capacity"): "m³"}

_PORTAL = re.compile(r"[0-9a-f]{12}", re.ASCII)  # the MAC of the GX device
_INSTANCE = re.compile(r"[0-9]{1,10}", re.ASCII)


class VenusTopic(msgspec.Struct, frozen=True):
    """`instance` and `service` are "" for what the GX device says of itself."""

    prefix: str
    gateway: str
    service: str
    instance: str
    path: tuple[str, ...]

    @property
    def device(self) -> str:
        """What is above the last level: the instance, or a part of it."""
        return "/".join([self.instance, *self.path[:-1]])


class VictronParser:
    name = "victron"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        place = _place(topic)
        if place is None:
            return 0.0
        is_known = _PORTAL.fullmatch(place.gateway.rpartition("/")[2]) is not None
        if is_known or not sample.strip() or b'"value"' in sample:
            return 0.85
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None:
            raise invalid("expected a topic such as N/<portal>/battery/512/Soc")
        if place.prefix != NOTIFICATION or not payload_text(message.payload):
            return []
        if not place.instance:
            is_alive = place.path[0] == "heartbeat" and not message.retain
            if is_alive:
                return [_gateway_is_online(place.gateway)]
            return []
        tree = decoded_object(message.payload)
        if "value" not in tree:
            raise invalid("expected a JSON object with a value")
        return list(_facts(place, tree["value"]))


@lru_cache(maxsize=16_384)
def _place(topic: str) -> VenusTopic | None:
    """`N`, `R` or `W` may stand below the levels of a bridge."""
    levels = topic.split("/")
    for start, level in enumerate(levels[:-2]):
        if level not in PREFIXES:
            continue
        gateway = "/".join([*levels[:start], NOTIFICATION, levels[start + 1]])
        rest = levels[start + 2 :]
        if len(rest) == 1 and rest[0] in OF_THE_GX_DEVICE:
            return VenusTopic(level, gateway, "", "", tuple(rest))
        if len(rest) > 2 and _INSTANCE.fullmatch(rest[1]) and rest[0][:1].isalpha():
            return VenusTopic(
                level, gateway, rest[0], f"{gateway}/{rest[0]}/{rest[1]}", tuple(rest[2:])
            )
    return None


def _gateway_is_online(gateway: str) -> Availability:
    return Availability(identifier=gateway, state=Liveness.ONLINE, is_gateway=True)


def _facts(place: VenusTopic, value: Any) -> Iterator[Fact]:
    last = place.path[-1]
    if len(place.path) == 1 and last in DESCRIPTIONS:
        yield from _description(place, DESCRIPTIONS[last], value)
    elif place.path == ("Connected",):
        yield from _connected(place, value)
    elif place.path[0] not in METADATA and value != []:
        fields = Fields(
            device=place.device,
            trait=lambda metric: _trait(place.service, ".".join([*place.path[:-1], metric])),
            read=only_text,
            gateway=place.gateway,
        )
        readings = fields.facts(value, last)
        if readings and len(place.path) > 1:
            yield _part(place)
        yield from readings


def _part(place: VenusTopic) -> DeviceDescription:
    """`grid 30 Ac L1`: a part of an instance has no name of its own."""
    levels = place.device.removeprefix(f"{place.gateway}/").split("/")
    return DeviceDescription(
        device=place.device, name=" ".join(levels)[:200], gateway=place.gateway
    )


def _connected(place: VenusTopic, value: object) -> Iterator[Fact]:
    """Whether the service still reaches its device."""
    if value in (0, 1):
        yield Availability(
            identifier=place.instance,
            state=Liveness.ONLINE if value else Liveness.OFFLINE,
            gateway=place.gateway,
        )


def _description(place: VenusTopic, field: str, value: object) -> Iterator[Fact]:
    """A serial number may be written as a number, and a version too."""
    if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
        told = DeviceDescription(
            device=place.instance, manufacturer="Victron Energy", gateway=place.gateway
        )
        yield msgspec.structs.replace(told, **{field: str(value)[:200]})


@lru_cache(maxsize=16_384)
def _trait(service: str, metric: str) -> Trait:
    levels = metric.split(".")
    unit = UNITS.get("/".join(levels[-2:])) or UNITS.get(levels[-1], "")
    unit = OF_A_SERVICE.get((service, metric), unit)
    return Trait(unit=unit, diagnostic=service in DIAGNOSTIC_SERVICES or levels[-1] == "Rssi")
