from datetime import UTC, datetime
from typing import Any, Protocol

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mqtt_app.api.strict import StrictFields
from mqtt_app.models import Device, MetricType, Quality
from mqtt_app.models.readings import as_json
from mqtt_app.selectors.devices import metrics_of

VALUE = {"oneOf": [{"type": "number"}, {"type": "boolean"}, {"type": "string"}], "nullable": True}
QUALITIES: dict[int, str] = {
    Quality.GOOD: "good",
    Quality.RETAINED: "retained",
    Quality.IMPLAUSIBLE_TIME: "implausible_time",
}


class ReadingRow(Protocol):
    """A Reading, a LatestReading, or these columns of one."""

    metric: str
    value: float | None
    boolean: bool | None
    text: str | None
    raw: bytes | None
    time: datetime
    received_at: datetime
    quality: int


class ReadingSerializer(serializers.Serializer[Any]):
    """`value` is a number, a boolean or text; raw bytes come as hexadecimal text."""

    metric = serializers.CharField()
    value = serializers.SerializerMethodField("get_shown")
    time = serializers.DateTimeField(
        help_text="By the device's clock, or the time of receipt when it gave none."
    )
    received_at = serializers.DateTimeField()
    quality = serializers.SerializerMethodField()

    def to_representation(self, row: ReadingRow) -> dict[str, Any]:
        """What the fields say, without asking each for each of thousands of rows how it is to be
        read.
        """
        return {
            "metric": row.metric,
            "value": self.get_shown(row),
            "time": _iso(row.time),
            "received_at": _iso(row.received_at),
            "quality": self.get_quality(row),
        }

    @extend_schema_field(VALUE)
    def get_shown(self, row: ReadingRow) -> float | bool | str | None:
        return as_json(row.value, row.boolean, row.text, row.raw)

    @extend_schema_field(serializers.ChoiceField(choices=list(QUALITIES.values())))
    def get_quality(self, row: ReadingRow) -> str:
        return QUALITIES.get(row.quality, "good")


def _iso(moment: datetime) -> str:
    """UTC, as PostgreSQL gives it and the other times of the API have it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


class MetricSerializer(serializers.Serializer[Any]):
    """A metric of a device. The times are those of its earliest and newest plausible reading."""

    name = serializers.CharField()
    title = serializers.CharField(
        source="label", help_text="For people, where the format says so; else empty."
    )
    unit = serializers.CharField(help_text="In which its numbers are stored; empty: not known.")
    type = serializers.ChoiceField(choices=MetricType.choices)
    diagnostic = serializers.BooleanField(
        help_text="About the device or its radio, not what it measures."
    )
    count = serializers.IntegerField(
        help_text="Readings, also those at times that cannot be right."
    )
    first_time = serializers.DateTimeField(allow_null=True)
    last_time = serializers.DateTimeField(allow_null=True)


class DeviceSerializer(StrictFields, serializers.ModelSerializer[Device]):
    gateway = serializers.SerializerMethodField(help_text="Identifier of whoever relays for it.")
    metrics = serializers.SerializerMethodField()

    class Meta:
        model = Device
        fields = (
            "id",
            "site",
            "identifier",
            "name",
            "manufacturer",
            "model",
            "software",
            "address",
            "gateway",
            "status",
            "status_reason",
            "status_since",
            "last_seen",
            "silence_after",
            "described_silence",
            "retired_at",
            "clock_skew",
            "metrics",
        )
        read_only_fields = (
            "id",
            "site",
            "identifier",
            "status",
            "status_reason",
            "status_since",
            "last_seen",
            "described_silence",
        )

    def get_gateway(self, row: Device) -> str | None:
        if row.gateway:
            return row.gateway.identifier
        return None

    @extend_schema_field(MetricSerializer(many=True))
    def get_metrics(self, row: Device) -> Any:
        return MetricSerializer(metrics_of(row), many=True).data


class DeviceDetailSerializer(DeviceSerializer):
    latest = ReadingSerializer(many=True, read_only=True)
    aliases: Any = serializers.SlugRelatedField(
        many=True,
        read_only=True,
        slug_field="identifier",
        help_text="Other identifiers: what it was called before, and of what was merged into it.",
    )

    class Meta(DeviceSerializer.Meta):
        fields: Any = (*DeviceSerializer.Meta.fields, "latest", "aliases")


class MergeSerializer(StrictFields, serializers.Serializer[Any]):
    into = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, help_text="Id of the device that stays, at the same site."
    )
