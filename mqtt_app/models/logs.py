from django.db import models

from mqtt_app.models.choices import LogLevel, ParsingErrorType
from mqtt_app.models.connections import MqttConnection
from mqtt_app.models.sites import Site


class MqttConnectionLog(models.Model):
    """What happened to a link, in an operator's words."""

    connection = models.ForeignKey(
        MqttConnection, on_delete=models.CASCADE, related_name="logs", db_index=False
    )
    timestamp = models.DateTimeField(auto_now_add=True, db_index=True)
    level = models.CharField(max_length=8, choices=LogLevel.choices)
    message = models.TextField()
    exception_type = models.CharField(max_length=200, blank=True, default="")
    exception_traceback = models.TextField(blank=True, default="")
    broker_host = models.CharField(max_length=253, blank=True, default="")
    retry_attempt = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = "MQTT connection log"
        ordering = ("-timestamp", "-id")
        indexes = (
            models.Index(fields=("connection", "-timestamp"), name="mqtt_connlog_connection"),
        )

    def __str__(self) -> str:
        return f"{self.level} {self.message[:80]}"


class MqttParsingLog(models.Model):
    """A message that gave no readings, and why."""

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="parsing_logs", db_index=False
    )
    timestamp = models.DateTimeField(auto_now_add=True, db_index=True)
    topic = models.TextField()
    parser_name = models.CharField(max_length=100, blank=True, default="")
    error_type = models.CharField(max_length=20, choices=ParsingErrorType.choices)
    error_message = models.TextField()
    exception_type = models.CharField(max_length=200, blank=True, default="")
    exception_traceback = models.TextField(blank=True, default="")
    payload_sample = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name = "MQTT parsing log"
        ordering = ("-timestamp", "-id")
        indexes = (models.Index(fields=("site", "-timestamp"), name="mqtt_parselog_site"),)

    def __str__(self) -> str:
        return f"{self.error_type} {self.topic[:80]}"
