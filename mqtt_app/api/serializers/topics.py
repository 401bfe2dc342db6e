from typing import Any

from rest_framework import serializers

from mqtt_app.models import DiscoveredTopic, MqttTopic

QOS_2 = (
    "QoS 2 is not offered: a message is acknowledged after it is stored, and a QoS 2 message would be lost when a "
    "process dies before that. Use 1: every message at least once, repeats recognised."
)


class TopicSerializer(serializers.ModelSerializer[MqttTopic]):
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


DUPLICATE = "This connection has this filter already."


class DiscoveredTopicSerializer(serializers.ModelSerializer[DiscoveredTopic]):
    class Meta:
        model = DiscoveredTopic
        fields = (
            "id",
            "topic",
            "is_active",
            "is_processable",
            "parser_name",
            "first_seen",
            "last_seen",
            "message_count",
        )
        read_only_fields = (
            "id",
            "topic",
            "is_processable",
            "parser_name",
            "first_seen",
            "last_seen",
            "message_count",
        )
        extra_kwargs = {"is_active": {"required": True}}

    def to_internal_value(self, data: Any) -> Any:
        """Only the operator's flag is theirs to set, so a change without it is a mistake."""
        values = super().to_internal_value(data)
        if "is_active" not in values:
            raise serializers.ValidationError(
                {"is_active": ["This is the one field that can be changed here."]}
            )
        return values
