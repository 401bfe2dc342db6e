"""What arrives right now, and what is kept of it."""

from typing import Any

from rest_framework import serializers

from mqtt_app.api.serializers.dead_letters import checked_filter
from mqtt_app.api.strict import StrictSerializer

LONGEST = 120  # minutes of a capture


class TailQuery(serializers.Serializer[Any]):
    filter = serializers.CharField(
        required=False,
        max_length=1_024,
        trim_whitespace=False,
        help_text="An MQTT filter; # for all.",
    )

    def validate_filter(self, value: str) -> str:
        return checked_filter(value)


class TailSerializer(serializers.Serializer[Any]):
    site = serializers.IntegerField()
    filter = serializers.CharField()
    seconds = serializers.IntegerField(help_text="Ask again before they are over.")


class CaptureSerializer(StrictSerializer):
    minutes = serializers.IntegerField(
        min_value=0, max_value=LONGEST, help_text="From now; 0 ends it."
    )


class CapturedSerializer(serializers.Serializer[Any]):
    capture_until = serializers.DateTimeField(allow_null=True)
