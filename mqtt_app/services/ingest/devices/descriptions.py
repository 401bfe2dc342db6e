"""What is said about devices and gateways: kept until they speak, applied to those that have.

A description never makes a device. A second identifier with the address of a device, behind the
same gateway, is its new name. What a gateway's own list no longer holds is retired.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from mqtt_app.domain.facts import DeviceDescription, GatewayDevices, MetricDescription
from mqtt_app.domain.ingest.samples import storable
from mqtt_app.domain.presence import RETIRED, UNKNOWN
from mqtt_app.models import Device, DeviceAlias, Gateway
from mqtt_app.services import device_rows
from mqtt_app.services.ingest.parsing.facts import BatchFacts, FactOfMessage
from mqtt_app.services.ingest.records import DescribedKey, DeviceKey
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.columns import booleans, numbers, texts
from mqtt_app.services.postgres.statements import ask
from mqtt_app.services.presence.changes import PresenceChange, publish

MAX_TEXT = 200  # characters; the columns hold no more
MAX_IDENTIFIER = 512
MAX_UNIT = 64
MAX_METRICS = 2_000  # described metrics of one device
MAX_SILENCE = 31_536_000  # s, a year
MAX_LISTED = 20_000  # devices in the list of a gateway
_FIELDS = ("name", "manufacturer", "model", "software", "address")

_KEEP = """
INSERT INTO mqtt_describeddevice AS d (site_id, identifier, is_gateway, name, manufacturer, model,
    software, address, metrics, silence_after, updated_at)
SELECT w.site_id, w.identifier, w.is_gateway, w.name, w.manufacturer, w.model, w.software,
    w.address, w.metrics::jsonb, w.silence_after, %s::timestamptz
FROM unnest(%s::bigint[], %s::text[], %s::bool[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::text[], %s::float8[])
    AS w(site_id, identifier, is_gateway, name, manufacturer, model, software, address, metrics,
        silence_after)
ON CONFLICT (site_id, identifier, is_gateway) DO UPDATE SET
    name = coalesce(nullif(excluded.name, ''), d.name),
    manufacturer = coalesce(nullif(excluded.manufacturer, ''), d.manufacturer),
    model = coalesce(nullif(excluded.model, ''), d.model),
    software = coalesce(nullif(excluded.software, ''), d.software),
    address = coalesce(nullif(excluded.address, ''), d.address),
    silence_after = coalesce(excluded.silence_after, d.silence_after),
    metrics = d.metrics || excluded.metrics, updated_at = excluded.updated_at
"""
# A name that a person gave stays. A due time that is too early is only looked at in vain.
_APPLY = """
UPDATE {table} d SET
    name = CASE WHEN d.is_named_by_person OR w.name = '' THEN d.name ELSE w.name END,
    manufacturer = coalesce(nullif(w.manufacturer, ''), d.manufacturer),
    model = coalesce(nullif(w.model, ''), d.model),
    software = coalesce(nullif(w.software, ''), d.software),
    address = coalesce(nullif(w.address, ''), d.address),
    described_silence = CASE WHEN w.silence_after IS NULL THEN d.described_silence
        ELSE nullif(w.silence_after, 0) END,
    due_at = CASE WHEN d.due_at IS NOT NULL THEN LEAST(d.due_at, d.last_seen + make_interval(
        secs => coalesce(d.silence_after, nullif(w.silence_after, 0)))) END
FROM mqtt_describeddevice w
JOIN unnest(%s::bigint[], %s::text[]) AS k(site_id, identifier)
    ON w.site_id = k.site_id AND w.identifier = k.identifier AND w.is_gateway = {is_gateway}
WHERE d.site_id = w.site_id AND d.identifier = w.identifier
"""
APPLY_TO_DEVICES = _APPLY.format(table="mqtt_device", is_gateway="false")
APPLY_TO_GATEWAYS = _APPLY.format(table="mqtt_gateway", is_gateway="true")
# Numbers that come without a unit are in the described one; the metric keeps the unit of its series.
_APPLY_METRICS = """
UPDATE mqtt_metric m SET label = coalesce(nullif(w.label, ''), m.label),
    diagnostic = m.diagnostic OR w.diagnostic,
    source_unit = CASE WHEN w.unit = '' THEN m.source_unit WHEN m.unit IN ('', w.unit) THEN ''
        ELSE w.unit END,
    unit = coalesce(nullif(m.unit, ''), w.unit)
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bool[])
    AS w(site_id, identifier, metric, label, unit, diagnostic)
JOIN mqtt_device d ON d.site_id = w.site_id AND d.identifier = w.identifier
WHERE m.device_id = d.id AND m.name = w.metric RETURNING m.device_id, m.name
"""
_RETIRE = f"""
UPDATE mqtt_device d SET retired_at = %(now)s::timestamptz, status = '{UNKNOWN}',
    status_reason = '{RETIRED}', status_since = %(now)s::timestamptz, due_at = NULL
WHERE d.gateway_id = %(gateway)s AND d.identifier = ANY(%(gone)s::text[]) AND d.retired_at IS NULL
RETURNING d.id
"""


class _Said:
    """What a batch says of one device or gateway, its later words over its earlier ones."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = dict.fromkeys(_FIELDS, "")
        self.gateway: str | None = None
        self.silence_after: float | None = None
        self.metrics: dict[str, MetricDescription] = {}

    def take(self, fact: DeviceDescription) -> None:
        for field in _FIELDS:
            self.fields[field] = _fit(getattr(fact, field), MAX_TEXT) or self.fields[field]
        self.gateway = fact.gateway or self.gateway
        if fact.silence_after is not None and 0 <= fact.silence_after <= MAX_SILENCE:
            self.silence_after = fact.silence_after


def describe(facts: BatchFacts, run: Run) -> None:
    """Before devices are looked up: new ones find what was said of them. A batch that describes
    nothing new costs no statement.
    """
    said = _said(facts, run)
    if said:
        _keep(said, run)
        _rename(said)
        _apply(said, run)
    for found in facts.others.get(GatewayDevices, ()):
        _retire(found, run)


def _said(facts: BatchFacts, run: Run) -> dict[DescribedKey, _Said]:
    """What this process has not written before."""
    said: defaultdict[DescribedKey, _Said] = defaultdict(_Said)
    for found in facts.others.get(DeviceDescription, ()):
        fact = cast("DeviceDescription", found.fact)
        key = (found.message.site_id, fact.device, fact.is_gateway)
        if run.memory.described.get((*key, "")) != fact:
            run.memory.described[*key, ""] = fact
            said[key].take(fact)
    for found in facts.others.get(MetricDescription, ()):
        described = cast("MetricDescription", found.fact)
        place = (found.message.site_id, described.device, False)
        if not _is_fit(described.metric, MAX_TEXT):
            continue
        if run.memory.described.get((*place, described.metric)) != described:
            run.memory.described[*place, described.metric] = described
            if len(said[place].metrics) < MAX_METRICS:
                said[place].metrics[described.metric] = described
    return {key: said[key] for key in sorted(said) if _is_fit(key[1], MAX_IDENTIFIER)}


def _keep(said: Mapping[DescribedKey, _Said], run: Run) -> None:
    columns = [
        numbers(key[0] for key in said),
        texts(key[1] for key in said),
        booleans(key[2] for key in said),
        *(texts(entry.fields[field] for entry in said.values()) for field in _FIELDS),
        texts(_as_json(entry.metrics) for entry in said.values()),
        numbers(entry.silence_after for entry in said.values()),
    ]
    ask(_KEEP, [run.now, *columns])


def _as_json(metrics: Mapping[str, MetricDescription]) -> str:
    values = {
        name: {
            "unit": _fit(said.unit, MAX_UNIT),
            "name": _fit(said.name, MAX_TEXT),
            "diagnostic": said.diagnostic,
        }
        for name, said in metrics.items()
    }
    return msgspec.json.encode(values).decode()


def _apply(said: Mapping[DescribedKey, _Said], run: Run) -> None:
    for statement, is_gateway in ((APPLY_TO_GATEWAYS, True), (APPLY_TO_DEVICES, False)):
        keys = [key for key in said if key[2] is is_gateway]
        if keys:
            ask(statement, [numbers(key[0] for key in keys), texts(key[1] for key in keys)])
    metrics = [(key, metric) for key, entry in said.items() for metric in entry.metrics.values()]
    if metrics:
        columns = [
            numbers(key[0] for key, _ in metrics),
            texts(key[1] for key, _ in metrics),
            texts(metric.metric for _, metric in metrics),
            texts(_fit(metric.name, MAX_TEXT) for _, metric in metrics),
            texts(_fit(metric.unit, MAX_UNIT) for _, metric in metrics),
            booleans(metric.diagnostic for _, metric in metrics),
        ]
        changed = ask(_APPLY_METRICS, columns).rows()
        run.memory.forgotten_metrics.update((device, name) for device, name in changed)


def _rename(said: Mapping[DescribedKey, _Said]) -> None:
    """A device of this address under another identifier goes on under the new one."""
    for key, entry in said.items():
        site_id, identifier, is_gateway = key
        address = entry.fields["address"]
        if is_gateway or not address:
            continue
        same = Device.objects.filter(site_id=site_id, address=address).select_related("gateway")
        for old in same.exclude(identifier=identifier)[:1]:
            if old.gateway:
                known = old.gateway.identifier
            else:
                known = None
            is_there = _speaks_of(said, site_id, old.identifier, address)
            is_same_place = known is None or entry.gateway in {None, known}
            if is_same_place and not is_there:
                _give_identifier(old, identifier)


def _speaks_of(
    said: Mapping[DescribedKey, _Said], site_id: int, identifier: str, address: str
) -> bool:
    """Whether the old identifier is still in use, by the same batch."""
    other = said.get((site_id, identifier, False))
    return other is not None and other.fields["address"] == address


def _give_identifier(device: Device, identifier: str) -> None:
    """What spoke under the new one already, before it was described, becomes a part of it."""
    before = device.identifier
    spoken = Device.objects.filter(site_id=device.site_id, identifier=identifier).first()
    if spoken is not None and spoken.address:
        return
    if spoken is not None:
        device_rows.lock([spoken.pk, device.pk])
        device_rows.merge(spoken, device)
    DeviceAlias.objects.filter(site_id=device.site_id, identifier=identifier).delete()
    Device.objects.filter(pk=device.pk).update(identifier=identifier)
    device_rows.add_alias(device, before)


def _retire(found: FactOfMessage[Any], run: Run) -> None:
    fact: GatewayDevices = found.fact
    site_id = found.message.site_id
    if not _is_fit(fact.gateway, MAX_IDENTIFIER):
        return
    fit = {identifier for identifier in fact.devices if _is_fit(identifier, MAX_IDENTIFIER)}
    listed = sorted(fit)[:MAX_LISTED]
    gateway, _ = Gateway.objects.select_for_update().get_or_create(
        site_id=site_id, identifier=fact.gateway
    )
    if gateway.listed == listed:
        return
    before = gateway.listed
    if before is None:
        before = list(gateway.devices.values_list("identifier", flat=True))
    Gateway.objects.filter(pk=gateway.pk).update(listed=listed)
    gone = sorted(set(before) - set(listed))
    values = {"now": run.now, "gateway": gateway.pk, "gone": texts(gone)}
    if gone:
        rows = ask(_RETIRE, values).rows()
    else:
        rows = []
    publish([PresenceChange("device", pk, site_id, UNKNOWN, RETIRED) for (pk,) in rows])


def _is_fit(text: str, limit: int) -> bool:
    """Whether a column of so many characters holds it as it is."""
    return 0 < len(text) <= limit and storable(text) == text


def _fit(text: str, limit: int) -> str:
    return storable(text)[:limit].strip()


def described_metrics(keys: Iterable[DeviceKey]) -> dict[DeviceKey, Mapping[str, Any]]:
    """What was said of the metrics of these devices, by name."""
    wanted: Sequence[DeviceKey] = sorted(set(keys))
    columns = [numbers(key[0] for key in wanted), texts(key[1] for key in wanted)]
    rows = ask(_METRICS, columns).rows()
    return {(row[0], row[1]): msgspec.json.decode(row[2]) for row in rows}


_METRICS = """
SELECT w.site_id, w.identifier, w.metrics::text FROM mqtt_describeddevice w
JOIN unnest(%s::bigint[], %s::text[]) AS k(site_id, identifier)
    ON w.site_id = k.site_id AND w.identifier = k.identifier
WHERE NOT w.is_gateway AND w.metrics <> '{}'::jsonb
"""
