"""What the documentation of Shelly's first generation says of its topics: units, and which of them
are switches and flags.
"""

from functools import lru_cache

from mqtt_app.parsers.fields import Trait

SWITCHED = frozenset({"relay", "light", "white", "color"})
FLAGS = frozenset(
    {
        "input",
        "longpush",
        "overtemperature",
        "overload",
        "loaderror",
        "flood",
        "motion",
        "vibration",
        "charger",
        "ext_power",
        "ext_switch",
        "active",
        "smoke",
        "ison",
        "connected",
        "overpower",
        "is_valid",
    }
)
WORDS = {"true": True, "false": False, "1": True, "0": False, "on": True, "off": False}
DOOR = {"open": True, "close": False, "closed": False}
UNITS = {
    "power": "W",
    "overpower_value": "W",
    "reactive_power": "var",
    "reactive": "var",
    "voltage": "V",
    "adc": "V",
    "current": "A",
    "total_returned": "Wh",
    "temperature": "°C",
    "temperature_f": "°F",
    "ext_temperature": "°C",
    "ext_temperature_f": "°F",
    "tC": "°C",
    "tmp": "°C",
    "tF": "°F",
    "humidity": "%",
    "ext_humidity": "%",
    "hum": "%",
    "battery": "%",
    "bat": "%",
    "brightness": "%",
    "gain": "%",
    "pos": "%",
    "lux": "lx",
    "tilt": "°",
    "concentration": "ppm",
    "temp": "K",
    "rssi": "dBm",
    "uptime": "s",
    "ram_total": "B",
    "ram_free": "B",
    "fs_size": "B",
    "fs_free": "B",
}
IN_WATT_MINUTES = frozenset({"energy", "returned_energy"})
DIAGNOSTIC_KEYS = frozenset(
    {
        "rssi",
        "uptime",
        "ram_total",
        "ram_free",
        "fs_size",
        "fs_free",
        "act_reasons",
        "event_cnt",
        "source",
        "cfg_changed_cnt",
        "connect_retries",
        "is_valid",
    }
)
IGNORED_KEYS = frozenset(
    {
        "mac",
        "time",
        "unixtime",
        "timestamp",
        "serial",
        "counters",
        "hwID",
        "timer_started",
        "timer_started_at",
        "has_update",
        "update",
        "getinfo",
        "actions_stats",
        "cloud",
        "mqtt",
        "is_calibrated",
        "units",
    }
)


@lru_cache(maxsize=4096)
def trait(metric: str) -> Trait:
    keys = metric.split(".")
    if not IGNORED_KEYS.isdisjoint(keys):
        return Trait(ignored=True)
    named = [key for key in keys if not key.isdigit()] or keys
    unit = UNITS.get(named[-1], "")
    if named[-1] == "total" and named[0] in ("emeter", "emeters"):
        unit = "Wh"
    if named[-1] == "value":
        unit = UNITS.get(named[-2] if len(named) > 1 else "", "")
    return Trait(unit=unit, diagnostic=named[-1] in DIAGNOSTIC_KEYS)
