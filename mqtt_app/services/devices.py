"""The only writer of what people say about a device: its name, and how long it may be silent."""

from collections.abc import Collection
from datetime import timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import F

from mqtt_app.models import Device, Gateway
from mqtt_app.services import audit

Speaker = TypeVar("Speaker", Device, Gateway)


def save_device(device: Speaker, fields: Collection[str]) -> Speaker:
    """Write the named fields; a new silence limit moves the time at which the silence becomes news."""
    with transaction.atomic():
        before = audit.values_of(
            type(device).objects.select_for_update(of=("self",)).get(pk=device.pk), fields
        )
        device.save(update_fields=fields)
        after = audit.values_of(device, fields)
        if before != after:
            audit.record("changed", device, before=before, after=after)
        if "silence_after" in fields:
            silence = timedelta(seconds=device.silence_after or device.site.silence_after)
            watched = type(device).objects.filter(pk=device.pk, due_at__isnull=False)
            watched.update(due_at=F("last_seen") + silence)
    return device
