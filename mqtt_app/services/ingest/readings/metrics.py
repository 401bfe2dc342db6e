"""The metrics of a batch: found or made, each with the type of its first value and the unit in
which its numbers are stored.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import ReadingFact
from mqtt_app.models import MetricType
from mqtt_app.services.ingest.devices.descriptions import MAX_UNIT, described_metrics
from mqtt_app.services.ingest.records import KnownDevice, KnownMetric, MetricKey
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.columns import booleans, numbers, texts
from mqtt_app.services.postgres.statements import Query, ask

TYPES: Mapping[type, MetricType] = {
    float: MetricType.NUMBER,
    int: MetricType.NUMBER,
    bool: MetricType.BOOLEAN,
    str: MetricType.TEXT,
    bytes: MetricType.RAW,
}
_PYTHON = {
    MetricType.NUMBER: float,
    MetricType.BOOLEAN: bool,
    MetricType.TEXT: str,
    MetricType.RAW: bytes,
}
_FIND = """
SELECT m.id, m.device_id, m.name, m.type, m.unit, m.source_unit, m.diagnostic, m.label,
    m.other_types, m.other_units
FROM mqtt_metric m JOIN unnest(%s::bigint[], %s::text[]) AS w(device_id, name)
    ON m.device_id = w.device_id AND m.name = w.name
"""
_MAKE = """
INSERT INTO mqtt_metric (device_id, name, label, type, unit, source_unit, diagnostic, other_types,
    other_units)
SELECT w.device_id, w.name, w.label, w.type, w.unit, w.source_unit, w.diagnostic, '', ''
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bool[])
    AS w(device_id, name, label, type, unit, source_unit, diagnostic)
ON CONFLICT (device_id, name) DO NOTHING
"""
_CHANGE = """
UPDATE mqtt_metric m SET unit = coalesce(nullif(m.unit, ''), w.unit),
    other_types = w.other_types, other_units = w.other_units,
    diagnostic = m.diagnostic OR w.diagnostic
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::bool[])
    AS w(id, unit, other_types, other_units, diagnostic)
WHERE m.id = w.id
"""
_IMPLAUSIBLE = """
UPDATE mqtt_metric m SET implausible_count = m.implausible_count + w.count
FROM unnest(%s::bigint[], %s::bigint[]) AS w(id, count) WHERE m.id = w.id
"""


class FirstReading(msgspec.Struct, frozen=True):
    """Of a metric that this process does not know."""

    device: KnownDevice
    fact: ReadingFact

    @property
    def key(self) -> MetricKey:
        return self.device.id, self.fact.metric


def look_up(first: Collection[FirstReading], run: Run) -> dict[MetricKey, KnownMetric]:
    """Makes those that are new. The result is remembered with the run."""
    if not first:
        return {}
    found = _find({reading.key for reading in first})
    new = {reading.key: reading for reading in first if reading.key not in found}
    if new:
        _make([new[key] for key in sorted(new)])
        found |= _find(new)
    run.memory.metrics |= found
    return found


def changes(metrics: Iterable[KnownMetric]) -> list[Query]:
    """The statement that writes unit and other types and units of these."""
    changed = sorted(metrics, key=_id)
    if not changed:
        return []
    columns = [
        numbers(metric.id for metric in changed),
        texts(metric.unit for metric in changed),
        texts(metric.other_types for metric in changed),
        texts(metric.other_units for metric in changed),
        booleans(metric.diagnostic for metric in changed),
    ]
    return [Query(_CHANGE, columns)]


def count_implausible(counts: Mapping[int, int]) -> list[Query]:
    """Readings at times that cannot be right, by id of the metric."""
    if not counts:
        return []
    order = sorted(counts)
    return [Query(_IMPLAUSIBLE, [numbers(order), numbers(counts[number] for number in order)])]


def _find(keys: Collection[MetricKey]) -> dict[MetricKey, KnownMetric]:
    order = sorted(keys)
    columns = [numbers(key[0] for key in order), texts(key[1] for key in order)]
    rows = ask(_FIND, columns).rows()
    return {(row[1], row[2]): _known(row) for row in rows}


def _known(row: Sequence[Any]) -> KnownMetric:
    number, device_id, name, kind, *others = row
    return KnownMetric(number, device_id, name, _PYTHON[MetricType(kind)], *others)


def _make(readings: Sequence[FirstReading]) -> None:
    devices = {(reading.device.site_id, reading.device.identifier) for reading in readings}
    described = described_metrics(devices)
    said = [_said(reading, described) for reading in readings]
    units = [_units(reading.fact.unit, of.get("unit", "")) for reading, of in _zip(readings, said)]
    columns = [
        numbers(reading.device.id for reading in readings),
        texts(reading.fact.metric for reading in readings),
        texts(of.get("name", "") for of in said),
        texts(TYPES[type(reading.fact.value)].value for reading in readings),
        texts(unit[0] for unit in units),
        texts(unit[1] for unit in units),
        booleans(
            reading.fact.diagnostic or of.get("diagnostic", False)
            for reading, of in _zip(readings, said)
        ),
    ]
    ask(_MAKE, columns)


def _zip(
    readings: Sequence[FirstReading], said: Sequence[Mapping[str, Any]]
) -> Iterable[tuple[FirstReading, Mapping[str, Any]]]:
    return zip(readings, said, strict=True)


def _said(
    reading: FirstReading, described: Mapping[tuple[int, str], Mapping[str, Any]]
) -> Mapping[str, Any]:
    of_device = described.get((reading.device.site_id, reading.device.identifier), {})
    found: Mapping[str, Any] = of_device.get(reading.fact.metric, {})
    return found


def _units(written: str, described: str) -> tuple[str, str]:
    """The unit of the series, and that of numbers that come without one where it is another."""
    unit = written[:MAX_UNIT] or described
    return unit, described if described != unit else ""


def _id(metric: KnownMetric) -> int:
    return metric.id
