"""Units that are part of a name: `outTemp_C` (WeeWX), `active_power_w` (HomeWizard), `windspeedmph`.

The name stays as it is. A word that has other meanings, too, such as `a` and `c`, is a unit only
behind the name of its quantity; `min` and `in` are none.
"""

import re
from functools import lru_cache

from mqtt_app.domain.values import name_words

_UNITS = {
    "kwh": "kWh",
    "wh": "Wh",
    "kw": "kW",
    "kva": "kVA",
    "kvar": "kvar",
    "kvarh": "kvarh",
    "mv": "mV",
    "volt": "V",
    "volts": "V",
    "amp": "A",
    "amps": "A",
    "watt": "W",
    "watts": "W",
    "hz": "Hz",
    "khz": "kHz",
    "hpa": "hPa",
    "kpa": "kPa",
    "mbar": "mbar",
    "psi": "psi",
    "inhg": "inHg",
    "mmhg": "mmHg",
    "kph": "km/h",
    "kmh": "km/h",
    "mph": "mph",
    "mps": "m/s",
    "knots": "kn",
    "mm": "mm",
    "cm": "cm",
    "km": "km",
    "kg": "kg",
    "ppm": "ppm",
    "ppb": "ppb",
    "pct": "%",
    "percent": "%",
    "celsius": "°C",
    "degc": "°C",
    "fahrenheit": "°F",
    "degf": "°F",
    "lux": "lx",
    "dbm": "dBm",
    "db": "dB",
    "ml": "mL",
    "liters": "L",
    "litres": "L",
    "lpm": "L/min",
    "sec": "s",
    "secs": "s",
    "seconds": "s",
    "rpm": "rpm",
}
# At the end of a name, exactly as written, behind a mark or a small letter: `energy_kWh`, `totalkWh`.
_WRITTEN = re.compile(
    r"(?:|.*?[_\-. ]|.+?[a-z])(?P<unit>[kM]?Wh|[kM]?VAh|[kM]?varh|kVA|kvar|[kMG]?Hz|[hkM]Pa|mAh|dBm|kW|MW)"
)
_TEMPERATURE = ("temp", "dew", "heat", "chill", "celsius")
# By the last word: its unit, and of what words one has to stand in the name before it.
_OF_QUANTITY = {
    "c": ("°C", _TEMPERATURE),
    "f": ("°F", _TEMPERATURE),
    "w": ("W", ("power", "load", "solar", "grid", "consumption")),
    "v": ("V", ("volt", "batt")),
    "bar": ("bar", ("press", "baro")),
    "ma": ("mA", ("curr", "amp", "load", "batt")),
    "a": ("A", ("curr", "amp")),
    "ms": ("ms", ("time", "latency", "duration", "interval", "delay", "uptime")),
}
_GLUED = (
    (
        re.compile(r"(?:in|out|soil)?(?:temp|dewpoint|windchill|feelslike|heatindex)[a-z]*[0-9]*f"),
        "°F",
    ),
    (re.compile(r"(?:wind|max)[a-z]*mph"), "mph"),
    (re.compile(r"barom(?:rel|abs)?in"), "inHg"),
    (re.compile(r"[a-z]*rain(?:rate)?in"), "in"),
)
_SQUEEZED_WORD = re.compile(r"[a-z0-9]+", re.ASCII)


@lru_cache(maxsize=16_384)
def unit_in_name(name: str) -> str:
    """The unit that the name ends in, "" for none."""
    written = _WRITTEN.fullmatch(name)
    if written is not None:
        return written["unit"]
    parts = name_words(name)
    if len(parts) < 2:
        is_word = _SQUEEZED_WORD.fullmatch(name) is not None
        glued = (unit for form, unit in _GLUED if is_word and form.fullmatch(name))
        return next(glued, "")
    last = parts[-1]
    if last in _UNITS:
        return _UNITS[last]
    unit, quantities = _OF_QUANTITY.get(last, ("", ()))
    before = " ".join(parts[:-1])
    if any(quantity in before for quantity in quantities):
        return unit
    return ""
