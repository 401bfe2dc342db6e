from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mqtt_app.models import Device, LatestReading, Quality, Reading

VALUE = {"oneOf": [{"type": "number"}, {"type": "boolean"}, {"type": "string"}], "nullable": True}
QUALITIES = {Quality.GOOD: "good", Quality.RETAINED: "retained", Quality.IMPLAUSIBLE_TIME: "implausible_time"}


class ReadingSerializer(serializers.Serializer[Reading | LatestReading]):
    """`value` is a number, a boolean or text; raw bytes come as hexadecimal text."""

    metric = serializers.CharField()
    value = serializers.SerializerMethodField("get_shown")
    time = serializers.DateTimeField(help_text="By the device's clock, or the time of receipt when it gave none.")
    received_at = serializers.DateTimeField()
    quality = serializers.SerializerMethodField()

    @extend_schema_field(VALUE)
    def get_shown(self, row: Reading | LatestReading) -> float | bool | str | None:
        return row.shown

    @extend_schema_field(serializers.ChoiceField(choices=list(QUALITIES.values())))
    def get_quality(self, row: Reading | LatestReading) -> str:
        return QUALITIES.get(Quality(row.quality), "good")


class DeviceSerializer(serializers.ModelSerializer[Device]):
    gateway = serializers.SerializerMethodField(help_text="Identifier of whoever relays for it.")

    class Meta:
        model = Device
        fields = (
            "id", "site", "identifier", "name", "gateway", "status", "status_reason", "status_since", "last_seen",
            "silence_after",
        )  # fmt: skip
        read_only_fields = (
            "id", "site", "identifier", "status", "status_reason", "status_since", "last_seen",
        )  # fmt: skip

    def get_gateway(self, row: Device) -> str | None:
        return row.gateway.identifier if row.gateway else None


class DeviceDetailSerializer(DeviceSerializer):
    latest = ReadingSerializer(many=True, read_only=True)

    class Meta(DeviceSerializer.Meta):
        fields: Any = (*DeviceSerializer.Meta.fields, "latest")
