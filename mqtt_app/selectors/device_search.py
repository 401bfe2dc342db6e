"""Devices over all sites that a viewer may see: searched, filtered and sorted."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from operator import attrgetter

import msgspec
from django.db.models import F, Q, QuerySet

from mqtt_app.domain.clock_skew import NEGLIGIBLE
from mqtt_app.models import Device, DeviceStatus
from mqtt_app.selectors.visibility import Viewer

RETIRED = "retired"
CLOCK_OFF = "clock"
SILENT = "silent"
STATES = (*DeviceStatus.values, SILENT, CLOCK_OFF, RETIRED)


def _gateway(device: Device) -> str:
    if device.gateway is None:
        return ""
    return device.gateway.identifier


SORTS = {
    "name": ("name", "identifier", "id"),
    "seen": (F("last_seen").desc(nulls_last=True), "id"),
    "silent": (F("last_seen").asc(nulls_first=True), "id"),
    "site": ("site__name", "identifier", "id"),
}
CSV_COLUMNS: Mapping[str, Callable[[Device], object]] = {
    "id": attrgetter("pk"),
    "site": attrgetter("site.name"),
    "gateway": _gateway,
    **{
        name: attrgetter(name)
        for name in (
            "identifier",
            "name",
            "manufacturer",
            "model",
            "status",
            "status_reason",
            "status_since",
            "last_seen",
            "clock_skew",
        )
    },
}


class DeviceSearch(msgspec.Struct, frozen=True):
    """`state` is one of STATES, or empty; `site` an id."""

    text: str = ""
    state: str = ""
    site: int | None = None
    sort: str = "name"


def found_devices(viewer: Viewer, asked: DeviceSearch) -> QuerySet[Device]:
    rows = viewer.narrow(Device.objects.select_related("site", "gateway"), "site_id")
    if asked.site is not None:
        rows = rows.filter(site_id=asked.site)
    if asked.text:
        rows = rows.filter(_holds(asked.text))
    rows = _in_state(rows, asked.state)
    return rows.order_by(*SORTS.get(asked.sort, SORTS["name"]))


def _holds(text: str) -> Q:
    fields = ("name", "identifier", "manufacturer", "model", "address", "site__name")
    wanted = Q()
    for field in fields:
        wanted |= Q(**{f"{field}__icontains": text})
    return wanted


def _in_state(rows: QuerySet[Device], state: str) -> QuerySet[Device]:
    if state == RETIRED:
        return rows.filter(retired_at__isnull=False)
    if state == CLOCK_OFF:
        return rows.filter(Q(clock_skew__gte=NEGLIGIBLE) | Q(clock_skew__lte=-NEGLIGIBLE))
    if state == SILENT:
        return rows.filter(status=DeviceStatus.OFFLINE, retired_at=None)
    if state in DeviceStatus.values:
        return rows.filter(status=state)
    return rows


def csv_rows(devices: QuerySet[Device]) -> Iterator[list[str]]:
    """The header, and a line for each, read in pieces."""
    yield list(CSV_COLUMNS)
    for device in devices.iterator(chunk_size=2_000):
        yield [_text(read(device)) for read in CSV_COLUMNS.values()]


def _text(value: object) -> str:
    """A leading sign of a formula is disarmed: names and identifiers are strangers' texts, and a
    spreadsheet would carry it out.
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    if isinstance(value, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{text}"
    return text
