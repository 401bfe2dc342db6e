from typing import Any

from rest_framework import serializers

from mqtt_app.api.serializers.topic_rules import ParserNameField, forbidden_parsers_field
from mqtt_app.api.strict import StrictFields
from mqtt_app.models import DiscoveredTopic, MqttTopic

QOS_2 = (
    "QoS 2 is not offered: a message is acknowledged after it is stored, and a QoS 2 message would be lost when a "
    "process dies before that. Use 1: every message at least once, repeats recognised."
)


class TopicSerializer(StrictFields, serializers.ModelSerializer[MqttTopic]):
    qos = serializers.IntegerField(default=1, help_text="0 at most once, 1 at least once.")

    class Meta:
        model = MqttTopic
        fields = ("id", "filter", "qos", "is_active", "granted_qos", "granted_at", "refusal")
        read_only_fields = ("id", "granted_qos", "granted_at", "refusal")
        extra_kwargs = {"filter": {"trim_whitespace": False}}

    def validate_qos(self, value: int) -> int:
        if value not in {0, 1}:
            raise serializers.ValidationError(QOS_2 if value == 2 else "Must be 0 or 1.")
        return value

    def validate_filter(self, value: str) -> str:
        others = MqttTopic.objects.filter(connection=self.context["connection"], filter=value)
        if self.instance is not None:
            others = others.exclude(pk=self.instance.pk)
        if others.exists():
            raise serializers.ValidationError(DUPLICATE)
        return value


CHANGEABLE = ("is_active", "pinned_parser", "forbidden_parsers", "is_folding")
DUPLICATE = "This connection has this filter already."


class DiscoveredTopicSerializer(StrictFields, serializers.ModelSerializer[DiscoveredTopic]):
    pinned_parser = ParserNameField(help_text="The parser that reads it, whatever it looks like.")
    forbidden_parsers = forbidden_parsers_field("Parsers that never read it.")
    only_retained = serializers.BooleanField(
        read_only=True, help_text="Nobody published on it since we listen: the broker keeps it."
    )

    class Meta:
        model = DiscoveredTopic
        fields: Any = (
            "id",
            "topic",
            "is_active",
            "is_processable",
            "parser_name",
            "confidence",
            "pinned_parser",
            "forbidden_parsers",
            "rule",
            "is_ignored",
            "retired_at",
            "only_retained",
            "first_seen",
            "last_seen",
            "message_count",
            "is_folding",
            "member_count",
        )
        read_only_fields = tuple(name for name in fields if name not in CHANGEABLE)

    def validate_is_folding(self, value: bool) -> bool:
        if self.instance is not None and self.instance.member_count is None:
            raise serializers.ValidationError(
                "Only a topic that stands for others, such as jobs/{uuid}/status, is folded or"
                " unfolded."
            )
        return value

    def to_internal_value(self, data: Any) -> Any:
        """Only what operators decide is theirs to set, so a change without any of it is a mistake."""
        values = super().to_internal_value(data)
        if not values:
            raise serializers.ValidationError(
                {"is_active": [f"Only these can be changed here: {', '.join(CHANGEABLE)}."]}
            )
        return values
