"""The storing half of the naive design: the Django that everybody writes first."""

import json
from datetime import UTC, datetime

import django

django.setup()

from django.utils import timezone  # noqa: E402

from mqtt_app.models import Device, Reading, Site  # noqa: E402


def save(number: int, topic: str, payload: str) -> None:
    site = Site.objects.get(name=f"site {number}")
    device, _ = Device.objects.get_or_create(site=site, identifier=topic.rpartition("/")[0])
    body = json.loads(payload)
    time = datetime.fromtimestamp(body.pop("ts") / 1000, UTC)
    for metric, value in body.items():
        Reading(
            device=device, metric=metric, value=value, time=time, received_at=timezone.now()
        ).save()
    device.last_seen = timezone.now()
    device.save()
