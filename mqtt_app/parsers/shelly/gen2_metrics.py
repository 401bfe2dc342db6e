"""What the documentation of Shelly's components says of their metrics: units, and what is about the
device itself.
"""

from functools import lru_cache

from mqtt_app.parsers.fields import Trait

ABOUT_ITSELF = frozenset(
    [
        "sys",
        "wifi",
        "eth",
        "cloud",
        "mqtt",
        "ble",
        "ws",
        "ui",
        "knx",
        "matter",
        "modbus",
        "bthome",
        "plugs_ui",
        "script",
        "ota",
    ]
)
IGNORED_KEYS = frozenset(
    [
        "id",
        "mac",
        "time",
        "unixtime",
        "last_sync_ts",
        "minute_ts",
        "packet_id",
        "timer_started_at",
        "last_updated_ts",
        "last_update_ts",
        "available_updates",
    ]
)
UNITS = {
    "apower": "W",
    "act_power": "W",
    "total_act_power": "W",
    "aprt_power": "VA",
    "total_aprt_power": "VA",
    "voltage": "V",
    "V": "V",
    "current": "A",
    "total_current": "A",
    "freq": "Hz",
    "tC": "°C",
    "target_C": "°C",
    "current_C": "°C",
    "tF": "°F",
    "rh": "%",
    "percent": "%",
    "brightness": "%",
    "current_pos": "%",
    "target_pos": "%",
    "pos": "%",
    "battery": "%",
    "lux": "lx",
    "illuminance": "lx",
    "rssi": "dBm",
    "uptime": "s",
    "timer_duration": "s",
    "temperature": "°C",
    "humidity": "%",
    "total_act_energy": "Wh",
    "total_act_ret_energy": "Wh",
    "total_act": "Wh",
    "total_act_ret": "Wh",
    "ram_size": "B",
    "ram_free": "B",
    "fs_size": "B",
    "fs_free": "B",
    "mem_used": "B",
}
DIAGNOSTIC_KEYS = {"rssi", "source"}
MINUTES = "by_minute"


@lru_cache(maxsize=4096)
def trait(metric: str) -> Trait:
    """By the keys of a metric such as `switch:0.aenergy.total`."""
    keys = metric.split(".")
    component = keys[0].partition(":")[0]
    if any(key in IGNORED_KEYS for key in keys[1:]) or (len(keys) == 1 and metric == "ts"):
        return Trait(ignored=True)
    diagnostic = component in ABOUT_ITSELF or keys[-1] in DIAGNOSTIC_KEYS
    return Trait(unit=_unit(keys), diagnostic=diagnostic)


def _unit(keys: list[str]) -> str:
    if len(keys) > 1 and keys[-1] == "total" and "energy" in keys[-2]:
        return "Wh"
    if MINUTES in keys:
        if any("energy" in key for key in keys):
            return "mWh"
        return ""
    last = keys[-1]
    phase = last[:2] in ("a_", "b_", "c_", "n_")
    return UNITS.get(last[2:] if phase else last, "")
