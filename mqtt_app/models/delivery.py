from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from mqtt_app.models.connections import MqttConnection


class BatchReceipt(models.Model):
    """This batch was committed: whoever sees it again acknowledges it and stores nothing."""

    id = models.UUIDField(primary_key=True)
    instance = models.CharField(max_length=128)
    messages = models.PositiveIntegerField()
    skipped = ArrayField(
        models.BigIntegerField(),
        default=list,
        help_text="Connections whose messages were left to a newer owner.",
    )
    postponed = ArrayField(
        models.BigIntegerField(),
        null=True,
        help_text="Connections whose messages have to come again later.",
    )
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return str(self.id)


class Delivery(models.Model):
    """Which QoS 1 messages of a connection one batch stored, to recognise them when the broker
    delivers them again.

    `entries` is 10 bytes a message: Packet Identifier (2, big endian) and a hash of topic and
    payload (8).
    """

    connection = models.ForeignKey(
        MqttConnection,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    entries = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = (models.Index(fields=("connection", "-id"), name="mqtt_delivery_latest"),)

    def __str__(self) -> str:
        return f"{self.connection_id} {self.created_at}"
