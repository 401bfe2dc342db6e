"""What is wrong, each cause once."""

import base64
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mqtt_app.api.serializers.queries import MAX_BIGINT, TimeField
from mqtt_app.api.strict import StrictFields
from mqtt_app.domain.problems import ProblemState, is_open, trend
from mqtt_app.models import Problem
from mqtt_app.models.problems import KINDS, STATES

UNTIL = "`ignored_until` is for `ignored` only."


class ProblemsQuery(serializers.Serializer[Any]):
    site = serializers.IntegerField(required=False, min_value=1, max_value=MAX_BIGINT)
    kind = serializers.ChoiceField(required=False, choices=KINDS)
    state = serializers.ChoiceField(
        required=False,
        choices=STATES,
        help_text="`open` has also those that were ignored until a time that is over.",
    )
    search = serializers.CharField(
        required=False, max_length=200, help_text="Part of the words, the site or the detail."
    )


class ProblemSerializer(StrictFields, serializers.ModelSerializer[Problem]):
    """`fingerprint` is the same for the same cause at other sites. `trend`: occurrences of each of
    the last 48 hours, the oldest first.
    """

    site_name = serializers.CharField(source="site.name", read_only=True)
    state = serializers.ChoiceField(choices=STATES, required=False)
    ignored_until = TimeField(
        required=False, allow_null=True, help_text="ISO 8601; null: for ever."
    )
    trend = serializers.SerializerMethodField()
    sample = serializers.SerializerMethodField()

    class Meta:
        model = Problem
        fields = (
            "id",
            "site",
            "site_name",
            "kind",
            "fingerprint",
            "title",
            "detail",
            "error_type",
            "count",
            "first_at",
            "last_at",
            "topics",
            "sample",
            "trend",
            "state",
            "ignored_until",
            "note",
            "changed_at",
            "changed_by",
            "reopened_at",
        )
        read_only_fields = (
            *("id", "site", "kind", "fingerprint", "title", "detail", "error_type", "count"),
            *("first_at", "last_at", "topics", "changed_at", "changed_by", "reopened_at"),
        )

    def to_representation(self, instance: Problem) -> Any:
        shown = super().to_representation(instance)
        if is_open(instance.state, instance.ignored_until, timezone.now()):
            shown["state"] = ProblemState.OPEN.value
        return shown

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        state = attrs.get("state", getattr(self.instance, "state", ""))
        if attrs.get("ignored_until") is not None and state != ProblemState.IGNORED:
            raise serializers.ValidationError({"ignored_until": [UNTIL]})
        return attrs

    @extend_schema_field(serializers.ListField(child=serializers.IntegerField()))
    def get_trend(self, row: Problem) -> list[int]:
        return trend(row.hours, timezone.now())

    @extend_schema_field(
        serializers.CharField(allow_null=True, help_text="The beginning of a payload, in base64.")
    )
    def get_sample(self, row: Problem) -> str | None:
        if row.sample is None:
            return None
        return base64.b64encode(bytes(row.sample)).decode()
