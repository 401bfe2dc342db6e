"""The mappings of a site, and the bench on which one is made."""

from dataclasses import dataclass

from mqtt_app.domain.access import Action
from mqtt_app.models import MappingVersion, PayloadMapping, Site
from mqtt_app.selectors.mappings import mappings_of, version_of
from mqtt_app.selectors.visibility import Viewer

SUGGESTIONS = 5  # groups of topics without a parser


@dataclass(frozen=True, slots=True)
class MappingRow:
    """`shown`: the version that reads, else the newest."""

    mapping: PayloadMapping
    shown: MappingVersion
    latest: int
    topics: int

    @property
    def topic_filter(self) -> str:
        return str(self.shown.definition.get("filter", ""))


@dataclass(frozen=True, slots=True)
class MappingsView:
    site: Site
    rows: list[MappingRow]
    may_configure: bool


@dataclass(frozen=True, slots=True)
class BenchView:
    """`mapping` None: a new one. `topic_filter`: what the bench begins with."""

    site: Site
    mapping: PayloadMapping | None
    versions: list[MappingVersion]
    topic_filter: str
    may_configure: bool


def mappings_view(site: Site, viewer: Viewer) -> MappingsView:
    rows = [_row(mapping) for mapping in mappings_of(site.pk).order_by("name")]
    return MappingsView(site, rows, viewer.may(Action.CONFIGURE, site.pk))


def bench_view(site: Site, viewer: Viewer, pk: int | None, topic_filter: str) -> BenchView | None:
    """None for a mapping that the site does not have."""
    mapping: PayloadMapping | None = None
    versions: list[MappingVersion] = []
    if pk is not None:
        mapping = PayloadMapping.objects.filter(site=site, pk=pk).first()
        if mapping is None:
            return None
        versions = list(mapping.versions.order_by("-number")[:50])
    may_configure = viewer.may(Action.CONFIGURE, site.pk)
    return BenchView(site, mapping, versions, topic_filter, may_configure)


def _row(mapping: PayloadMapping) -> MappingRow:
    latest = version_of(mapping)
    shown = version_of(mapping, mapping.active_version)
    assert latest is not None
    assert shown is not None
    topics: int = mapping.topics  # type: ignore[attr-defined]  # annotated by the selector
    return MappingRow(mapping, shown, latest.number, topics)
