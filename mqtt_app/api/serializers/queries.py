"""What may stand after the question mark. Unknown names are refused by the view (api/strict.py)."""

import re
from datetime import datetime
from typing import Any

from rest_framework import serializers

from mqtt_app.models import LogLevel, ParsingErrorType
from mqtt_app.models.operations import KINDS, STATES

MAX_BIGINT = 2**63 - 1
_SPACED_OFFSET = re.compile(r" (\d{2}:?\d{2})$")


class TimeField(serializers.DateTimeField):
    """ISO 8601; without an offset UTC. A `+` that was not escaped arrives as a space and is taken
    for what it was.
    """

    def to_internal_value(self, value: Any) -> datetime:
        return super().to_internal_value(
            _SPACED_OFFSET.sub(r"+\1", value) if isinstance(value, str) else value
        )


class WindowQuery(serializers.Serializer[Any]):
    """`from` and `to`, both inclusive."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        said = "ISO 8601, inclusive; without an offset UTC."
        window = {name: TimeField(required=False, help_text=said) for name in ("from", "to")}
        return {**super().get_fields(), **window}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "from" in attrs and "to" in attrs and attrs["from"] > attrs["to"]:
            raise serializers.ValidationError({"to": ["Must not be before `from`."]})
        return attrs


class ReadingsQuery(WindowQuery):
    metric = serializers.CharField(required=False, max_length=255, trim_whitespace=False)
    bucket = serializers.CharField(
        required=False,
        max_length=20,
        help_text="Buckets of this length instead of single readings: 5m, 1h, 7d. They begin where"
        " UTC begins hours, days and weeks (on Monday), and are whole at both ends. Without `from`"
        " the last 500. Whole hours and days are read from sums that are kept longer than readings.",
    )
    agg = serializers.CharField(
        required=False,
        max_length=100,
        help_text="Of each bucket: avg, min, max, sum, count, first, last, with commas between them."
        " A boolean counts as 0 or 1.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "agg" in attrs and "bucket" not in attrs:
            raise serializers.ValidationError({"agg": ["Only together with `bucket`."]})
        return super().validate(attrs)


class LogQuery(WindowQuery):
    site = serializers.IntegerField(required=False, min_value=1, max_value=MAX_BIGINT)
    search = serializers.CharField(
        required=False, max_length=200, help_text="Part of the text, in any case."
    )


class AuditQuery(WindowQuery):
    site = serializers.IntegerField(required=False, min_value=1, max_value=MAX_BIGINT)
    user = serializers.CharField(required=False, max_length=200, help_text="The exact user name.")
    action = serializers.CharField(
        required=False, max_length=40, help_text="As in `created`, `changed`, `deleted`."
    )


class ConnectionLogQuery(LogQuery):
    level = serializers.ChoiceField(required=False, choices=LogLevel.choices)


class ParsingLogQuery(LogQuery):
    error_type = serializers.ChoiceField(required=False, choices=ParsingErrorType.choices)
    parser_name = serializers.CharField(required=False, max_length=100)
    topic = serializers.CharField(required=False, max_length=65_535, trim_whitespace=False)


class SitesQuery(serializers.Serializer[Any]):
    is_active = serializers.BooleanField(required=False, default=None, allow_null=True)
    search = serializers.CharField(
        required=False, max_length=200, help_text="Part of the name, in any case."
    )


class OperationsQuery(serializers.Serializer[Any]):
    site = serializers.IntegerField(required=False, min_value=1, max_value=MAX_BIGINT)
    kind = serializers.ChoiceField(required=False, choices=KINDS)
    state = serializers.ChoiceField(
        required=False, choices=STATES, help_text="As it was last stored; open ones may be further."
    )


class DiscoveredTopicsQuery(serializers.Serializer[Any]):
    is_active = serializers.BooleanField(required=False, default=None, allow_null=True)
    is_processable = serializers.BooleanField(required=False, default=None, allow_null=True)
    search = serializers.CharField(
        required=False, max_length=200, help_text="Part of the topic, in any case."
    )
