"""Mappings of sites as parsers of this process, compiled once for each change."""

import logging
from collections.abc import Sequence

import msgspec

from mqtt_app.models import MappingVersion, Site
from mqtt_app.parsers.mapping.definition import read_definition
from mqtt_app.parsers.mapping.errors import MappingError
from mqtt_app.parsers.mapping.parser import MappingParser

log = logging.getLogger(__name__)

LIMIT = 1_000  # sites whose mappings are remembered


class SiteMappings(msgspec.Struct, frozen=True):
    """As of the site's `mappings_version`."""

    version: int
    parsers: Sequence[MappingParser]


_remembered: dict[int, SiteMappings] = {}


def version_now(site_id: int) -> int:
    """For work that has no `SiteRules`. 0 for a site without mappings, or that is gone."""
    found = Site.objects.filter(pk=site_id).values_list("mappings_version", flat=True).first()
    return found or 0


def mapped_parsers(site_id: int, version: int) -> Sequence[MappingParser]:
    """The active mappings, by name. `version`: as the caller's batch has read it."""
    found = _remembered.get(site_id)
    if found is None or found.version != version:
        if len(_remembered) >= LIMIT:
            _remembered.clear()
        found = SiteMappings(version, _load(site_id))
        _remembered[site_id] = found
    return found.parsers


def _load(site_id: int) -> list[MappingParser]:
    """One that cannot be compiled any more, by a stricter release, costs only itself: its topics
    say that their parser is missing.
    """
    rows = MappingVersion.objects.filter(
        mapping__site_id=site_id, mapping__active_version__isnull=False
    ).select_related("mapping")
    found: list[MappingParser] = []
    for row in rows.order_by("mapping__name"):
        if row.number != row.mapping.active_version:
            continue
        name = row.mapping.parser_name
        try:
            definition = read_definition(row.definition)
            found.append(MappingParser(name, str(row.number), definition))
        except MappingError as error:
            log.error("The mapping %s of site %d cannot be used: %s", name, site_id, error)
    return found
