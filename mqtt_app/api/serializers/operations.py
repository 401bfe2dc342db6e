from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mqtt_app.api.serializers.probes import shown_result
from mqtt_app.domain.link.disclosure import error_in_general
from mqtt_app.domain.operations import OPEN, PROBES, RETRY_AFTER
from mqtt_app.models import Operation
from mqtt_app.selectors.disclosure import sees_failures


class TimelineEventSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    event = serializers.CharField()
    detail = serializers.CharField()


class ProgressSerializer(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    total = serializers.IntegerField()


class OperationSerializer(serializers.ModelSerializer[Operation]):
    """`retry_after`: seconds after which to ask again; null once the operation has ended."""

    site = serializers.IntegerField(source="site_id", allow_null=True)
    progress = ProgressSerializer(source="*")
    timeline = TimelineEventSerializer(many=True)
    retry_after = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    result = serializers.SerializerMethodField()

    class Meta:
        model = Operation
        fields = (
            "id",
            "kind",
            "action",
            "state",
            "site",
            "asked_by",
            "observed_generation",
            "progress",
            "timeline",
            "result",
            "error",
            "retry_after",
            "created_at",
            "finished_at",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_retry_after(self, operation: Operation) -> int | None:
        if operation.state in OPEN:
            return RETRY_AFTER
        return None

    @extend_schema_field(serializers.JSONField())
    def get_result(self, operation: Operation) -> Any:
        """Of tests of connections in general words, for the same."""
        if operation.kind not in PROBES:
            return operation.result
        detailed = sees_failures(self.context["request"].user)
        return shown_result(operation.result, detailed=detailed)

    def get_error(self, operation: Operation) -> str:
        """In general words for those who are not shown why exactly a link fails."""
        if operation.error_class and not sees_failures(self.context["request"].user):
            return error_in_general(operation.error_class, operation.error)
        return operation.error
