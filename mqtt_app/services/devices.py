"""The only writer of what people decide about a device: its name, how long it may be silent, that
it is another one, that it is no longer used.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from django.db import transaction
from django.db.models import F

from mqtt_app.domain.presence import RETIRED, UNKNOWN
from mqtt_app.models import DescribedDevice, Device, Gateway
from mqtt_app.services import audit, device_rows, removal

Speaker = TypeVar("Speaker", Device, Gateway)


class MergeError(ValueError):
    """Two devices that cannot become one. `str(error)` says why."""


def save_device(device: Speaker, fields: Collection[str]) -> Speaker:
    """Write the named fields; a new silence limit moves the time at which the silence becomes news.

    A name that a person gave is not changed by descriptions; an empty one is again what they say.
    """
    with transaction.atomic():
        before = audit.values_of(
            type(device).objects.select_for_update(of=("self",)).get(pk=device.pk), fields
        )
        written = list(fields)
        if "name" in fields and device.name != before["name"]:
            device.is_named_by_person = bool(device.name)
            device.name = device.name or _described_name(device)
            written.append("is_named_by_person")
        device.save(update_fields=written)
        after = audit.values_of(device, fields)
        if before != after:
            audit.record("changed", device, before=before, after=after)
        if "silence_after" in fields:
            own = device.silence_after or device.described_silence
            silence = timedelta(seconds=own or device.site.silence_after)
            watched = type(device).objects.filter(pk=device.pk, due_at__isnull=False)
            watched.update(due_at=F("last_seen") + silence)
    return device


def retire(device: Speaker, now: datetime) -> bool:
    """No longer used: not watched until it speaks again. False when it was retired already."""
    with transaction.atomic():
        current = type(device).objects.filter(pk=device.pk, retired_at=None)
        changed = current.update(
            retired_at=now,
            status=UNKNOWN,
            status_reason=RETIRED,
            status_since=now,
            due_at=None,
        )
        if changed:
            audit.record("retired", device)
    device.refresh_from_db()
    return bool(changed)


def unretire(device: Speaker, now: datetime) -> bool:
    """In use again; its status is unknown until it speaks. False when it was not retired."""
    with transaction.atomic():
        retired = type(device).objects.filter(pk=device.pk, retired_at__isnull=False)
        changed = retired.update(retired_at=None, status_reason="", status_since=now)
        if changed:
            audit.record("brought back", device)
    device.refresh_from_db()
    return bool(changed)


def merge(source: Device, target: Device) -> Device:
    """Make `source` a part of `target`: its readings, its values, its identifiers. Gives `target`.

    Raises MergeError.
    """
    if source.pk == target.pk:
        raise MergeError("A device cannot be merged into itself.")
    if source.site_id != target.site_id:
        raise MergeError("Devices of two sites cannot become one.")
    with transaction.atomic():
        found = device_rows.lock([source.pk, target.pk])
        if len(found) < 2:
            raise MergeError("One of the two devices was removed meanwhile.")
        audit.record("merged", source, details={"into": target.pk, "into_label": str(target)})
        device_rows.merge(found[source.pk], found[target.pk])
    target.refresh_from_db()
    return target


def delete_device(device: Device) -> None:
    """With all its readings. It is made anew when it speaks again; to prevent that, switch its
    topics off.
    """
    removal.remove(partial(device_rows.remove, device), partial(audit.record_deleted, device))


def _described_name(device: Speaker) -> str:
    described = DescribedDevice.objects.filter(
        site_id=device.site_id,
        identifier=device.identifier,
        is_gateway=isinstance(device, Gateway),
    )
    return described.values_list("name", flat=True).first() or ""
