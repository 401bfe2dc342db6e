"""Units of Tasmota's values, which a message does not repeat, and which values are diagnostic.

Source: https://tasmota.github.io/docs/Supported-Peripherals/ and, for energy meters,
https://tasmota.github.io/docs/Power-Monitoring-Calibration/. The units of temperature, pressure and
speed are in the message, under `TempUnit` and so on.
"""

from functools import lru_cache
from typing import Any

import msgspec

UNIT_KEYS = {"TempUnit": "Temp", "PressureUnit": "Pressure", "SpeedUnit": "Speed"}
DEGREES = {"C": "°C", "F": "°F"}
ENERGY = {
    "Power": "W",
    "ActivePower": "W",
    "ExportPower": "W",
    "ImportPower": "W",
    "ApparentPower": "VA",
    "ReactivePower": "var",
    "Voltage": "V",
    "Current": "A",
    "Frequency": "Hz",
    "Period": "Wh",
}
COUNTERS = ("Total", "Today", "Yesterday", "Export", "Import")  # how keys in kWh begin
FIXED = {
    "Humidity": "%",
    "Illuminance": "lx",
    "CarbonDioxide": "ppm",
    "eCO2": "ppm",
    "TVOC": "ppb",
    "UptimeSec": "s",
    "Signal": "dBm",
    "Vcc": "V",
    "BatteryPercentage": "%",
    "BatteryVoltage": "V",
}
PARTICLES = (".PM1", ".PM2.5", ".PM10")
DIAGNOSTIC = {
    "Uptime",
    "UptimeSec",
    "Heap",
    "SleepMode",
    "Sleep",
    "LoadAvg",
    "MqttCount",
    "Vcc",
    "Wifi",
    "Ethernet",
    "Berry",
    "LinkQuality",
    "RSSI",
    "HeapUsed",
    "Objects",
}


def units_of(tree: dict[str, Any]) -> dict[str, str]:
    """What the message says itself: {"Temp": "°C", "Pressure": "hPa"}."""
    return {
        name: DEGREES.get(tree[key], tree[key])
        for key, name in UNIT_KEYS.items()
        if isinstance(tree.get(key), str)
    }


def unit_of(path: str, units: dict[str, str]) -> str:
    """`units` as `units_of` gives them."""
    known = _known_unit(path)
    if known.quantity:
        return units.get(known.quantity, "")
    return known.unit


@lru_cache(maxsize=16_384)
def is_diagnostic(path: str) -> bool:
    return path.partition(".")[0] in DIAGNOSTIC or _key(path) in DIAGNOSTIC


class TasmotaUnit(msgspec.Struct, frozen=True):
    """`quantity`: Temp, Pressure or Speed, of which a message says the unit."""

    unit: str = ""
    quantity: str = ""


@lru_cache(maxsize=16_384)
def _known_unit(path: str) -> TasmotaUnit:
    if path.endswith(PARTICLES):
        return TasmotaUnit("µg/m³")
    key = _key(path)
    if path.startswith("ENERGY."):
        return TasmotaUnit(ENERGY.get(key) or ("kWh" if key.startswith(COUNTERS) else ""))
    if path == "Wifi.RSSI":
        return TasmotaUnit("%")
    if key.startswith("Temperature") or key == "DewPoint":
        return TasmotaUnit(quantity="Temp")
    quantity = next((name for name in ("Pressure", "Speed") if key.endswith(name)), "")
    return TasmotaUnit(FIXED.get(key, ""), quantity)


def _key(path: str) -> str:
    """The last key that is no place in an array."""
    above, _, key = path.rpartition(".")
    if key.isdigit() and above:
        return above.rpartition(".")[2]
    return key
