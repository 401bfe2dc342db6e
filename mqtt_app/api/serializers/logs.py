from typing import Any

from rest_framework import serializers

from mqtt_app.models import MqttConnectionLog, MqttParsingLog
from mqtt_app.selectors.disclosure import conceal_log, sees_failures


class ConnectionLogSerializer(serializers.ModelSerializer[MqttConnectionLog]):
    class Meta:
        model = MqttConnectionLog
        fields = (
            "id",
            "connection",
            "timestamp",
            "level",
            "message",
            "exception_type",
            "exception_traceback",
            "broker_host",
            "retry_attempt",
        )

    def to_representation(self, instance: MqttConnectionLog) -> Any:
        if not sees_failures(self.context["request"].user):
            conceal_log(instance)
        return super().to_representation(instance)


class ParsingLogSerializer(serializers.ModelSerializer[MqttParsingLog]):
    class Meta:
        model = MqttParsingLog
        fields = (
            "id",
            "site",
            "timestamp",
            "topic",
            "parser_name",
            "error_type",
            "error_message",
            "exception_type",
            "exception_traceback",
            "payload_sample",
        )
