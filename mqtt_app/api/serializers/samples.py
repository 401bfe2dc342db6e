"""Samples of topics."""

from typing import Any

from rest_framework import serializers

from mqtt_app.api.serializers.dead_letters import checked_filter
from mqtt_app.api.serializers.payloads import PayloadFields
from mqtt_app.models import TopicSample


class SamplesQuery(serializers.Serializer[Any]):
    filter = serializers.CharField(
        required=False,
        max_length=65_535,
        trim_whitespace=False,
        help_text="An MQTT filter; left out: all topics.",
    )

    def validate_filter(self, value: str) -> str:
        return checked_filter(value)


class SampleSerializer(PayloadFields, serializers.ModelSerializer[TopicSample]):
    """`topic` is the name that it was published under, `topic_id` the discovered topic it counts
    for.
    """

    topic = serializers.CharField(source="name")
    is_cut = serializers.BooleanField(help_text="The payload was longer: `size` bytes.")

    class Meta:
        model = TopicSample
        fields = (
            "id",
            "topic_id",
            "topic",
            "received_at",
            "size",
            "is_cut",
            "qos",
            "retain",
            "text",
            "base64",
        )
        read_only_fields = fields
