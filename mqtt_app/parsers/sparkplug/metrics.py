"""Metrics of a Sparkplug B payload: what a birth defines, and readings."""

from collections.abc import Iterator
from typing import Any

import msgspec

from mqtt_app.domain.facts import DeviceDescription, MetricDescription, Remark
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.collector import Meaning, ReadingCollector, label
from mqtt_app.parsers.sparkplug.births import Birth, Definition
from mqtt_app.parsers.sparkplug.values import (
    DATE_TIME,
    STRUCTURES,
    Unreadable,
    raw_value,
    text_of,
    to_values,
)

SESSION = "bdSeq"
CONTROLS = ("Node Control/", "Device Control/")  # what may be asked of it, not what it is
UNIT_KEYS = frozenset({"engunit", "engunits", "units", "unit", "engineeringunits"})
QUALITY = "quality"
GOOD_FROM = 64  # OPC: 0 to 63 is bad, 64 to 191 uncertain, 192 to 255 good
GOOD_TO = 255  # 500 is stale by Sparkplug 3.0.0, 6.4.17; Ignition's bad codes are 512 and above
SHOWN_ALIASES = 5
LATEST_TIME = 1e14  # ms; the year 5138
ABOUT = {  # metric of a birth -> field of the description
    "properties/hardware make": "manufacturer",
    "properties/manufacturer": "manufacturer",
    "properties/hardware model": "model",
    "properties/model": "model",
    "properties/fw": "software",
    "properties/firmware": "software",
    "properties/firmware version": "software",
    "properties/software version": "software",
}


class ReadBirth(msgspec.Struct):
    """What a birth message defines beside its readings."""

    session: int | None
    definitions: list[Definition]
    about: dict[str, str]

    @property
    def birth(self) -> Birth:
        return Birth(self.session, {}, {item.name: item for item in self.definitions})

    def description(self, device: str, name: str, gateway: str) -> DeviceDescription:
        return DeviceDescription(
            device=device,
            name=name,
            manufacturer=self.about.get("manufacturer", ""),
            model=self.about.get("model", ""),
            software=self.about.get("software", ""),
            gateway=gateway,
        )

    def metric_descriptions(self, device: str) -> Iterator[MetricDescription]:
        for item in self.definitions:
            if item.unit:
                yield MetricDescription(device=device, metric=item.name, unit=item.unit)


def read_birth(payload: Any) -> ReadBirth:
    """Metrics whose names are not UTF-8 are left out here; `collect` reports them."""
    found = ReadBirth(session_of(payload), [], {})
    for metric in payload.metrics:
        name = _text(metric.name)
        if not name:
            continue
        if metric.HasField("alias"):
            alias = metric.alias
        else:
            alias = None
        unit = str(_properties(metric).get("unit", ""))[:60]
        found.definitions.append(Definition(name, alias, metric.datatype, unit))
        field = ABOUT.get(name.lower())
        if field and (text := _text(metric.string_value)):
            found.about[field] = label(text)
    return found


def session_of(payload: Any) -> int | None:
    """bdSeq, the number of the session that a birth begins and the death of the same ends."""
    for metric in payload.metrics:
        if metric.name == SESSION.encode():
            _, raw = raw_value(metric)
            if type(raw) is int:
                return raw
            return None
    return None


def collect(collector: ReadingCollector, payload: Any, birth: Birth, missing: str) -> int:
    """Adds the readings of a payload. The number of metrics that have an alias only, of which
    `birth` does not know the name; `missing` is the reason.
    """
    unknown: list[int] = []
    at_all = _time(payload.timestamp)
    for metric in payload.metrics:
        definition = _defined(metric, birth)
        if definition is None:
            unknown.append(metric.alias)
            continue
        collector.time = _time(metric.timestamp) or at_all
        try:
            _collect_metric(collector, metric, definition)
        except Unreadable as error:
            collector.refuse(definition.name, str(error))
    if unknown:
        first = ", ".join(str(alias) for alias in unknown[:SHOWN_ALIASES])
        rest = len(unknown) - SHOWN_ALIASES
        collector.refuse(f"alias {first}" + (f" and {rest} more" if rest > 0 else ""), missing)
    return len(unknown)


def _time(timestamp: int) -> float | None:
    """Unix seconds of what is in ms, and with some encoders in seconds; 0 is none."""
    if 0 < timestamp < LATEST_TIME:
        return parse_time(timestamp)
    return None


def _defined(metric: Any, birth: Birth) -> Definition | None:
    """Name, data type and unit: what the metric has itself counts, the birth fills the gaps."""
    if not metric.name:
        if metric.HasField("alias"):
            known = birth.by_alias.get(metric.alias)
        else:
            known = None
        if known is None and not metric.HasField("alias"):
            return Definition("", None, metric.datatype, "")
        if known is None or not metric.datatype:
            return known
        return Definition(known.name, known.alias, metric.datatype, known.unit)
    name = metric.name.decode("utf-8", "replace")
    known = birth.by_name.get(name)
    if known is not None and metric.datatype in (0, known.datatype):
        return known
    return Definition(name, None, metric.datatype, known.unit if known else "")


def _collect_metric(collector: ReadingCollector, metric: Any, definition: Definition) -> None:
    name = definition.name
    if metric.is_null or name == SESSION or name.startswith(CONTROLS):
        return
    if metric.name and _text(metric.name) != name:
        raise Unreadable("its name is not UTF-8")
    properties = _properties(metric)
    quality = properties.get(QUALITY)
    if isinstance(quality, int) and not GOOD_FROM <= quality <= GOOD_TO:
        raise Unreadable(f"its quality is bad or stale ({quality})")
    if definition.datatype in STRUCTURES:
        what = STRUCTURES[definition.datatype]
        collector.add_fact(Remark(text=f"the metric {name[:60]} is {what}, which is not stored"))
        return
    unit = str(properties.get("unit", definition.unit))
    if definition.datatype == DATE_TIME and not unit:
        unit = "ms"
    field, raw = raw_value(metric)
    if field:
        for suffix, value in to_values(field, raw, definition.datatype).items():
            collector.add(name + suffix, value, Meaning(unit=unit))


def _properties(metric: Any) -> dict[str, Any]:
    """`unit` and `quality` of a metric's property set, as far as they are there."""
    if not metric.HasField("properties"):
        return {}
    found: dict[str, Any] = {}
    for raw_key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
        key = _text(raw_key).replace(" ", "").replace("_", "").lower()
        if key in UNIT_KEYS and (unit := _text(value.string_value).strip()):
            found["unit"] = unit
        elif key == QUALITY:
            found[QUALITY] = raw_value(value)[1]
    return found


def _text(raw: bytes) -> str:
    """ "" when it is not UTF-8."""
    try:
        return text_of(raw)
    except Unreadable:
        return ""
