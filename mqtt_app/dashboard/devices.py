"""The page of devices over all sites, and the same as CSV."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.http import QueryDict

from mqtt_app.models import Device
from mqtt_app.selectors.device_search import (
    SORTS,
    STATES,
    DeviceSearch,
    csv_rows,
    found_devices,
)
from mqtt_app.selectors.devices import with_metrics
from mqtt_app.selectors.visibility import Viewer

ROWS = 50
MAX_SITE = 2**63 - 1
STATE_WORDS = (
    ("", "All states"),
    ("online", "Online"),
    ("offline", "Offline"),
    ("silent", "Silent"),
    ("unknown", "Unknown"),
    ("asleep", "Asleep"),
    ("clock", "Clock off"),
    ("retired", "Retired"),
)
SORT_WORDS = (
    ("name", "By name"),
    ("site", "By site"),
    ("seen", "Last heard first"),
    ("silent", "Longest silent first"),
)


@dataclass(frozen=True, slots=True)
class DevicesView:
    """`site_name`: of the site to which the list is limited."""

    page: Page[Device]
    asked: DeviceSearch
    site_name: str
    states: tuple[tuple[str, str], ...] = STATE_WORDS
    sorts: tuple[tuple[str, str], ...] = SORT_WORDS

    @property
    def is_filtered(self) -> bool:
        return bool(self.asked.text or self.asked.state or self.asked.site)


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def search_of(query: QueryDict) -> DeviceSearch:
    """What cannot be meant is left out, as on every page."""
    state = query.get("state", "")
    sort = query.get("sort", "name")
    return DeviceSearch(
        text=query.get("q", "").strip()[:200].replace("\0", ""),
        state=state if state in STATES else "",
        site=_number(query.get("site", "")),
        sort=sort if sort in SORTS else "name",
    )


def devices_view(viewer: Viewer, asked: DeviceSearch, number: str) -> DevicesView:
    found = with_metrics(found_devices(viewer, asked))
    site = viewer.sites().filter(pk=asked.site).first() if asked.site else None
    name = site.name if site else ""
    return DevicesView(Paginator(found, ROWS).get_page(number), asked, name)


def as_csv(viewer: Viewer, asked: DeviceSearch) -> Iterator[str]:
    writer = csv.writer(_Echo())
    for row in csv_rows(found_devices(viewer, asked)):
        yield writer.writerow(row)


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()):
        return None
    number = int(text[:20])
    if number > MAX_SITE:
        return None
    return number
