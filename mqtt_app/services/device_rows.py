"""What happens to the rows of a device that becomes another one, or goes. Within a transaction of
the caller; nothing is recorded here.
"""

from django.db import connection

from mqtt_app.models import Device, DeviceAlias
from mqtt_app.services.rollups import devices as rollups

_MERGE = (
    "UPDATE mqtt_reading SET device_id = %(target)s WHERE device_id = %(source)s",
    # The newest plausible value stays, as when both had been one device from the beginning.
    """
    INSERT INTO mqtt_latestreading AS l (device_id, metric, time, received_at, quality, value,
        boolean, text, raw, count, first_time)
    SELECT %(target)s, metric, time, received_at, quality, value, boolean, text, raw, count,
        first_time
    FROM mqtt_latestreading WHERE device_id = %(source)s ORDER BY metric
    ON CONFLICT (device_id, metric) DO UPDATE SET
        count = l.count + excluded.count, first_time = LEAST(l.first_time, excluded.first_time),
        (time, received_at, quality, value, boolean, text, raw) = (
            SELECT n.time, n.received_at, n.quality, n.value, n.boolean, n.text, n.raw FROM (VALUES
                (l.time, l.received_at, l.quality, l.value, l.boolean, l.text, l.raw),
                (excluded.time, excluded.received_at, excluded.quality, excluded.value,
                 excluded.boolean, excluded.text, excluded.raw)
            ) AS n (time, received_at, quality, value, boolean, text, raw)
            ORDER BY n.quality, n.time DESC LIMIT 1)
    """,
    """
    INSERT INTO mqtt_metric AS m (device_id, name, label, type, unit, source_unit, diagnostic,
        other_types, other_units, implausible_count)
    SELECT %(target)s, name, label, type, unit, source_unit, diagnostic, other_types, other_units,
        implausible_count
    FROM mqtt_metric WHERE device_id = %(source)s ORDER BY name
    ON CONFLICT (device_id, name) DO UPDATE SET
        implausible_count = m.implausible_count + excluded.implausible_count,
        unit = coalesce(nullif(m.unit, ''), excluded.unit)
    """,
    "UPDATE mqtt_devicealias SET device_id = %(target)s WHERE device_id = %(source)s",
    """
    UPDATE mqtt_device d SET last_seen = GREATEST(d.last_seen, s.last_seen),
        due_at = GREATEST(d.due_at, s.due_at), created_at = LEAST(d.created_at, s.created_at),
        gateway_id = coalesce(d.gateway_id, s.gateway_id),
        name = coalesce(nullif(d.name, ''), s.name),
        manufacturer = coalesce(nullif(d.manufacturer, ''), s.manufacturer),
        model = coalesce(nullif(d.model, ''), s.model),
        software = coalesce(nullif(d.software, ''), s.software),
        address = coalesce(nullif(d.address, ''), s.address),
        described_silence = coalesce(d.described_silence, s.described_silence)
    FROM mqtt_device s WHERE d.id = %(target)s AND s.id = %(source)s
    """,
)


def lock(ids: list[int]) -> dict[int, Device]:
    """In the order in which ingest locks them."""
    return {
        row.pk: row
        for row in Device.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk")
    }


def merge(source: Device, target: Device) -> None:
    """All rows of `source` become rows of `target`, and its identifier another name of it."""
    rollups.wait_for_turn()
    with connection.cursor() as cursor:
        for statement in _MERGE:
            cursor.execute(statement, {"source": source.pk, "target": target.pk})
    rollups.move(source.pk, target.pk)
    remove(source)
    add_alias(target, source.identifier)


def add_alias(device: Device, identifier: str) -> None:
    """From now on this identifier is the device's as well."""
    DeviceAlias.objects.update_or_create(
        site_id=device.site_id, identifier=identifier, defaults={"device": device}
    )


def remove(device: Device) -> None:
    """With its readings and their sums, which no foreign key ties to it."""
    rollups.wait_for_turn()
    rollups.remove(device.pk)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM mqtt_reading WHERE device_id = %s", [device.pk])
    Device.objects.filter(pk=device.pk).delete()
