from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from mqtt_app.api.strict import StrictFields
from mqtt_app.models import TopicRule
from mqtt_app.models.mappings import PREFIX
from mqtt_app.selectors.mappings import parser_names
from mqtt_app.services.ingest.parsing import parsers

PARSERS = "Names of parsers, as `sites/{id}/fingerprint/` and `parser_name` of a topic have them."


def check_parsers(names: Iterable[str], site_id: int | None) -> None:
    """ValidationError for a parser that is neither installed here nor a mapping of the site."""
    known = sorted(parser.name for parser in parsers.installed().parsers)
    if site_id is not None and any(name.startswith(PREFIX) for name in names):
        known = [*parser_names(site_id), *known]
    missing = [name for name in names if name and name not in known]
    if missing:
        raise serializers.ValidationError(
            f"There is no parser {missing[0][:100]!r}. There are: {', '.join(known)}."
        )


class ParserNameField(serializers.CharField):
    """The name of an installed parser; "" for none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 100, "allow_blank": True, "required": False, **options})

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        view = self.context.get("view")
        if view is None:
            check_parsers([name], None)
        else:
            check_parsers([name], view.kwargs.get("site_id"))
        return name


def forbidden_parsers_field(help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=ParserNameField(allow_blank=False, required=True),
        max_length=50,
        required=False,
        help_text=help_text,
    )


class TopicRuleSerializer(StrictFields, serializers.ModelSerializer[TopicRule]):
    position = serializers.IntegerField(
        min_value=1,
        max_value=1_000_000,
        required=False,
        help_text="Rules are asked in this order, from 1. Left out: last.",
    )
    parser = ParserNameField(
        source="parser_name", default="", help_text="The parser that reads these topics."
    )
    forbidden_parsers = forbidden_parsers_field("Parsers that never read these topics.")

    class Meta:
        model = TopicRule
        fields = (
            "id",
            "position",
            "filter",
            "is_active",
            "parser",
            "forbidden_parsers",
            "ignore",
            "retired",
            "note",
            "created_at",
        )
        read_only_fields = ("id", "created_at")
        extra_kwargs = {"filter": {"trim_whitespace": False}}


class RulePreviewQuery(serializers.ModelSerializer[TopicRule]):
    """A rule as if it were there already; without a filter, the rules as they are."""

    filter = serializers.CharField(
        required=False, max_length=640, trim_whitespace=False, help_text="Of a rule to try."
    )
    is_active = serializers.BooleanField(required=False, allow_null=True, default=None)
    parser = ParserNameField(source="parser_name")
    ignore = serializers.BooleanField(required=False, default=False)
    retired = serializers.BooleanField(required=False, default=False)
    position = serializers.IntegerField(
        required=False, min_value=1, max_value=1_000_000, help_text="Left out: last."
    )
    replaces = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="Id of the rule it stands for."
    )

    class Meta:
        model = TopicRule
        fields = ("filter", "is_active", "parser", "ignore", "retired", "position", "replaces")

    def validate_filter(self, value: str) -> str:
        TopicRule(filter=value).clean_fields(exclude={"site", "position"})
        return value


class RuleEffectSerializer(serializers.Serializer[Any]):
    """Numbers of topics. `summary` says the same in sentences."""

    topics = serializers.IntegerField(help_text="That the site has.")
    matched = serializers.IntegerField(help_text="By any rule.")
    become_active = serializers.IntegerField()
    become_inactive = serializers.IntegerField()
    change_parser = serializers.IntegerField()
    become_ignored = serializers.IntegerField()
    become_retired = serializers.IntegerField()
    summary = serializers.ListField(child=serializers.CharField())


class FamilySerializer(serializers.Serializer[Any]):
    parser = serializers.CharField(
        source="parser_name", help_text="Empty: topics that no parser recognises."
    )
    name = serializers.CharField(source="label", help_text="For people.")
    topics = serializers.IntegerField()
    active = serializers.IntegerField()
    confidence = serializers.FloatField(
        allow_null=True, help_text="How sure the parser was, 0 to 1: the mean of these topics."
    )
    least_confidence = serializers.FloatField(source="least", allow_null=True)


class FingerprintSerializer(serializers.Serializer[Any]):
    """Which families speak, without topics that are ignored or retired."""

    summary = serializers.CharField(help_text='As in "Zigbee2MQTT 412, Tasmota 38, opaque 3".')
    families = FamilySerializer(many=True)
    topics = serializers.IntegerField(help_text="All that were seen, the ignored ones included.")
    ignored = serializers.IntegerField()
    only_retained = serializers.IntegerField(
        help_text="Topics of retained messages on which nobody published since we listen."
    )
