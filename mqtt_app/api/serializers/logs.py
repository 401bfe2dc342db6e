from rest_framework import serializers

from mqtt_app.models import MqttConnectionLog, MqttParsingLog


class ConnectionLogSerializer(serializers.ModelSerializer[MqttConnectionLog]):
    class Meta:
        model = MqttConnectionLog
        fields = (
            "id", "connection", "timestamp", "level", "message", "exception_type", "exception_traceback",
            "broker_host", "retry_attempt",
        )  # fmt: skip


class ParsingLogSerializer(serializers.ModelSerializer[MqttParsingLog]):
    class Meta:
        model = MqttParsingLog
        fields = (
            "id", "site", "timestamp", "topic", "parser_name", "error_type", "error_message", "exception_type",
            "exception_traceback", "payload_sample",
        )  # fmt: skip
