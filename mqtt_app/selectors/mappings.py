"""Mappings of a site and their versions."""

from django.db.models import IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat

from mqtt_app.models import DiscoveredTopic, MappingVersion, PayloadMapping
from mqtt_app.models.mappings import PREFIX
from mqtt_app.selectors.counting import count_of


def mappings_of(site_id: int) -> QuerySet[PayloadMapping]:
    """With `latest_version`, the number of the newest, and `topics`, how many it reads."""
    newest = MappingVersion.objects.filter(mapping=OuterRef("pk")).order_by("-number")
    read = DiscoveredTopic.objects.filter(
        connection__site=OuterRef("site"),
        is_processable=True,
        parser_name=Concat(Value(PREFIX), OuterRef("name")),
    )
    return PayloadMapping.objects.filter(site_id=site_id).annotate(
        latest_version=Subquery(newest.values("number")[:1], output_field=IntegerField()),
        topics=count_of(read),
    )


def version_of(mapping: PayloadMapping, number: int | None = None) -> MappingVersion | None:
    """The version of this number, the newest without one."""
    versions = MappingVersion.objects.filter(mapping=mapping).order_by("-number")
    if number is not None:
        versions = versions.filter(number=number)
    return versions.first()


def parser_names(site_id: int) -> list[str]:
    """Of the site's mappings, whether they are active or not."""
    names = PayloadMapping.objects.filter(site_id=site_id).order_by("name")
    return [PREFIX + name for name in names.values_list("name", flat=True)]
