"""sites/{id}/dead-letters/ and what is asked of them."""

from typing import Any

from rest_framework import serializers

from mqtt_app.api.serializers.payloads import PayloadFields
from mqtt_app.api.serializers.queries import MAX_BIGINT, WindowQuery
from mqtt_app.api.serializers.topic_rules import ParserNameField
from mqtt_app.api.strict import StrictSerializer
from mqtt_app.domain.dead_letters.selection import Selection
from mqtt_app.domain.problems import ProblemKind, pattern_for
from mqtt_app.domain.topics import TopicError, validate_filter
from mqtt_app.models import DeadLetter, DeadLetterReason, Problem, Site

MAX_IDS = 10_000  # that may be named one by one
_BOTH = "Give either `ids` or a filter, not both."
_NEITHER = (
    "Say which dead letters: `ids`, or a filter (`topic`, `parser_name`, `reason`, `problem`, `from`,"
    ' `to`). `{"all": true}` chooses all of the site.'
)


def checked_filter(value: str) -> str:
    try:
        validate_filter(value)
    except TopicError as error:
        raise serializers.ValidationError(str(error)) from error
    return value


class DeadLettersQuery(WindowQuery):
    """`from` and `to` are times of receipt."""

    topic = serializers.CharField(
        required=False, max_length=65_535, trim_whitespace=False, help_text="An MQTT filter."
    )
    parser_name = serializers.CharField(required=False, max_length=100)
    reason = serializers.ChoiceField(required=False, choices=DeadLetterReason.choices)
    problem = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_BIGINT,
        help_text="Id of a parsing problem of this site: what failed with it.",
    )

    def validate_topic(self, value: str) -> str:
        return checked_filter(value)


class ReplaySerializer(StrictSerializer, DeadLettersQuery):
    """Which dead letters, by which parser, and whether it is only a trial."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_BIGINT),
        required=False,
        allow_empty=False,
        max_length=MAX_IDS,
        help_text=f"At most {MAX_IDS:,}.",
    )
    all = serializers.BooleanField(required=False, default=False)
    parser = ParserNameField(
        required=False, help_text="Replays by this parser in place of that of each topic."
    )
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="Stores nothing: shows what would be stored."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        is_filtered = bool(
            attrs.keys() & {"topic", "parser_name", "reason", "problem", "from", "to"}
        )
        if "ids" in attrs and (is_filtered or attrs["all"]):
            raise serializers.ValidationError(_BOTH)
        if not ("ids" in attrs or is_filtered or attrs["all"]):
            raise serializers.ValidationError(_NEITHER)
        return attrs


def selection_of(values: dict[str, Any], site: Site) -> Selection:
    """Raises ValidationError for a problem that the site does not have."""
    parser_name: str = values.get("parser_name", "")
    pattern = ""
    if "problem" in values:
        problem = _parsing_problem(values["problem"], site)
        parser_name = parser_name or problem.detail
        pattern = pattern_for(problem.title)
    return Selection(
        error_pattern=pattern,
        ids=tuple(values.get("ids", ())),
        topic_filter=values.get("topic", ""),
        parser_name=parser_name,
        reason=values.get("reason", ""),
        since=values.get("from"),
        until=values.get("to"),
    )


def _parsing_problem(number: int, site: Site) -> Problem:
    found = Problem.objects.filter(site=site, pk=number, kind=ProblemKind.PARSING).first()
    if found is None:
        raise serializers.ValidationError(
            {"problem": [f"This site has no parsing problem {number}."]}
        )
    return found


class DeadLetterSerializer(serializers.ModelSerializer[DeadLetter]):
    size = serializers.IntegerField(help_text="Bytes of the payload.")

    class Meta:
        model = DeadLetter
        fields: Any = (
            "id",
            "topic",
            "size",
            "qos",
            "retain",
            "received_at",
            "parser_name",
            "reason",
            "error",
            "state",
            "tries",
            "created_at",
        )
        read_only_fields = fields


class DeadLetterDetailSerializer(PayloadFields, DeadLetterSerializer):
    """With the payload."""

    class Meta(DeadLetterSerializer.Meta):
        fields = (*DeadLetterSerializer.Meta.fields, "text", "base64")
        read_only_fields = fields
