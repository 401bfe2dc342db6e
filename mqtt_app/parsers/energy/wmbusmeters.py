"""wmbusmeters: telegrams of water, heat, gas and power meters in JSON.

Source: https://github.com/wmbusmeters/wmbusmeters. The device is the number of the meter, whatever
the topic: one meter that two receivers hear is one. The unit is the end of a key (`total_m3`), the
time `timestamp`. Keys of dates are what the meter stored then, and no readings of now.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from mqtt_app.domain.facts import DeviceDescription, Fact
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.collector import text_at
from mqtt_app.parsers.fields import IGNORED, Fields, Trait, only_text
from mqtt_app.parsers.json_forms import JsonForm
from mqtt_app.parsers.json_tree import invalid

KEYS = (b'"media"', b'"meter"', b'"id"', b'"name"')
UNITS = {
    "m3": "m³",
    "l": "l",
    "kwh": "kWh",
    "kvarh": "kvarh",
    "kvah": "kVAh",
    "gj": "GJ",
    "mj": "MJ",
    "c": "°C",
    "f": "°F",
    "kw": "kW",
    "w": "W",
    "v": "V",
    "a": "A",
    "hz": "Hz",
    "rh": "%",
    "pct": "%",
    "m3h": "m³/h",
    "lh": "l/h",
    "bar": "bar",
    "hpa": "hPa",
    "h": "h",
    "s": "s",
    "dbm": "dBm",
    "hca": "hca",
    "ppm": "ppm",
    "lux": "lx",
    "deg": "°",
}
METADATA = frozenset({"media", "meter", "name", "id", "timestamp", "device", "_", "telegram"})
TIMES = ("_date", "_datetime", "_utc", "_lt", "_ut")


def read(_topic: str, tree: Any) -> Iterator[Fact]:
    number = ""
    if isinstance(tree, dict):
        number = text_at(tree, "id")
    if not number:
        raise invalid("expected a JSON object with the id of a meter")
    return _facts(f"wmbusmeters/{number}", number, tree)


def _facts(device: str, number: str, tree: dict[str, Any]) -> Iterator[Fact]:
    yield DeviceDescription(
        device=device, name=_word(tree, "name"), model=_word(tree, "meter"), address=number[:200]
    )
    fields = Fields(
        device=device, trait=_trait, read=only_text, time=parse_time(tree.get("timestamp"))
    )
    yield from fields.facts(tree)


@lru_cache(maxsize=4_096)
def _trait(metric: str) -> Trait:
    if metric in METADATA or metric.endswith(TIMES) or metric.startswith("device_date"):
        return IGNORED
    if "_" in metric:
        ending = metric.rpartition("_")[2]
    else:
        ending = ""
    return Trait(unit=UNITS.get(ending, ""), diagnostic=metric in ("rssi_dbm", "status"))


def _word(tree: dict[str, Any], key: str) -> str:
    value = tree.get(key)
    if isinstance(value, str):
        return value[:200]
    return ""


FORM = JsonForm(name="wmbusmeters", keys=(KEYS,), read=read, confidence=0.8, begins=b"{")
