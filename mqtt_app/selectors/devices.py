from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet

from mqtt_app.models import Device, Reading, Site
from mqtt_app.selectors.visibility import sites_visible_to


def devices_of(site: Site) -> QuerySet[Device]:
    return Device.objects.filter(site=site).select_related("gateway")


def devices_visible_to(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Device]:
    """With site, gateway and the newest value of each metric."""
    visible = sites_visible_to(user).values("pk")
    return Device.objects.filter(site__in=visible).select_related("site", "gateway").prefetch_related("latest")


def readings_of(
    device: Device, *, metric: str = "", start: datetime | None = None, end: datetime | None = None
) -> QuerySet[Reading]:
    """By the device's time, both ends inclusive; a bound lets PostgreSQL leave out whole months."""
    found = Reading.objects.filter(device=device)
    if metric:
        found = found.filter(metric=metric)
    if start is not None:
        found = found.filter(time__gte=start)
    return found if end is None else found.filter(time__lte=end)
