"""sites/{id}/mappings/: how families are read that no built-in parser knows."""

from typing import Any

from rest_framework import serializers

from mqtt_app.api.strict import StrictFields, StrictSerializer
from mqtt_app.models import MappingVersion, PayloadMapping
from mqtt_app.parsers.mapping.errors import MappingError
from mqtt_app.selectors.mappings import version_of
from mqtt_app.services.mappings.rows import compiled

MAX_FILTER = 1_024
_DEFINITION = (
    "What is read: `filter` (levels may have names: hall/{device}/+), `device`, `time`, `metrics` and"
    " more, with JMESPath for paths. `mappings/propose/` makes one from samples."
)


class DefinitionField(serializers.JSONField):
    """A definition that compiles; else the place that does not, with a sentence."""

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        try:
            compiled(found)
        except MappingError as error:
            raise serializers.ValidationError({error.field: [str(error)]}) from None
        return found


class MappingSerializer(StrictFields, serializers.ModelSerializer[PayloadMapping]):
    """`definition` and `note` are of the newest version."""

    definition = DefinitionField(help_text=_DEFINITION)
    note = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="What this version changes."
    )
    parser_name = serializers.CharField(
        read_only=True, help_text="As topics, rules and replays have it."
    )
    latest_version = serializers.IntegerField(read_only=True)
    topics = serializers.IntegerField(read_only=True, help_text="That it reads now.")

    class Meta:
        model = PayloadMapping
        fields: Any = (
            "id",
            "name",
            "parser_name",
            "active_version",
            "latest_version",
            "topics",
            "definition",
            "note",
            "created_at",
        )
        read_only_fields: Any = ("id", "active_version", "created_at")

    def to_representation(self, instance: PayloadMapping) -> Any:
        newest = version_of(instance)
        assert newest is not None
        instance.definition = newest.definition  # type: ignore[attr-defined]
        instance.note = newest.note  # type: ignore[attr-defined]
        return super().to_representation(instance)


class MappingRevisionSerializer(MappingSerializer):
    """The name stays: topics and logs have it."""

    class Meta(MappingSerializer.Meta):
        read_only_fields = ("id", "name", "active_version", "created_at")


class MappingVersionSerializer(serializers.ModelSerializer[MappingVersion]):
    class Meta:
        model = MappingVersion
        fields = ("number", "definition", "note", "created_at", "created_by")
        read_only_fields = fields


class ActivateSerializer(StrictSerializer):
    version = serializers.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="Left out: the newest."
    )


class ActivationSerializer(serializers.Serializer[Any]):
    """`waiting`: dead letters of its filter, which `dead-letters/replay/` may store now."""

    taken = serializers.IntegerField(help_text="Topics that it reads from now on.")
    freed = serializers.IntegerField(help_text="Topics that it reads no more.")
    active_version = serializers.IntegerField(allow_null=True)
    filter = serializers.CharField(help_text="As MQTT knows it.")
    waiting = serializers.IntegerField()


class ProposeSerializer(StrictSerializer):
    filter = serializers.CharField(
        max_length=MAX_FILTER,
        trim_whitespace=False,
        help_text="Which topics: levels may have names, such as hall/{device}/+.",
    )


class ProposalSerializer(serializers.Serializer[Any]):
    samples = serializers.IntegerField(help_text="That it was made from.")
    definition = serializers.JSONField(allow_null=True, help_text="null: nothing to map was found.")
    notes = serializers.ListField(
        child=serializers.CharField(), help_text="What was left out, and why."
    )


class DryRunSerializer(StrictSerializer):
    definition = DefinitionField(help_text=_DEFINITION)


class MappingTrialSerializer(serializers.Serializer[Any]):
    """Only described here; the trial itself is the answer."""

    samples = serializers.IntegerField()
    cut = serializers.IntegerField(help_text="Not tried: only their beginning is kept.")
    more = serializers.IntegerField(help_text="Not tried: the others took too long.")
    failures = serializers.DictField(
        child=serializers.IntegerField(), help_text="Errors of the mapping, by their words."
    )
    mapping = serializers.DictField(child=serializers.IntegerField())
    present = serializers.DictField(
        child=serializers.IntegerField(), help_text="What the present parsers make of them."
    )
    difference = serializers.DictField(child=serializers.IntegerField())
    shown = serializers.ListField(child=serializers.DictField())
