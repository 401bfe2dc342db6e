from django.db import models
from django.db.models.functions import MD5
from django.utils import timezone

from mqtt_app.models.connections import MqttConnection
from mqtt_app.models.sites import Site


class DescribedDevice(models.Model):
    """What was said about a device or gateway, whether it has spoken yet or not. Applied to it when
    it does.

    `metrics`: {metric: {"unit", "name", "diagnostic"}}. `silence_after`: s, see
    `facts.DeviceDescription`.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, db_index=False)
    identifier = models.CharField(max_length=512)
    is_gateway = models.BooleanField(default=False)
    name = models.CharField(max_length=200, blank=True, default="")
    manufacturer = models.CharField(max_length=200, blank=True, default="")
    model = models.CharField(max_length=200, blank=True, default="")
    software = models.CharField(max_length=200, blank=True, default="")
    address = models.CharField(max_length=200, blank=True, default="")
    metrics = models.JSONField(default=dict, db_default={})
    silence_after = models.FloatField(null=True, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("site", "identifier", "is_gateway"), name="one_description_per_device"
            ),
        )

    def __str__(self) -> str:
        return self.identifier


class ConnectionMemory(models.Model):
    """`version` grows with each change of what is remembered or described of a connection, so that
    every process knows when to read it anew.
    """

    connection = models.OneToOneField(
        MqttConnection, on_delete=models.CASCADE, primary_key=True, related_name="memory"
    )
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"memory of connection {self.connection_id}"


class DescribedTopic(models.Model):
    """What a third party, such as Home Assistant's discovery, said of the values on a topic: the
    fields of `facts.TopicDescription`.

    `device` is the identifier of the device that the topic turned out to be of, "" until then.
    """

    connection = models.ForeignKey(
        MqttConnection, on_delete=models.CASCADE, db_index=False, related_name="described_topics"
    )
    source = models.CharField(max_length=512)
    topic = models.TextField()
    description = models.JSONField(default=dict)
    device = models.CharField(max_length=512, blank=True, default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "source"), name="one_description_per_source"
            ),
        )

    def __str__(self) -> str:
        return self.topic


class ParserMemory(models.Model):
    """What a parser needs of earlier messages of a connection, see `parsers.base.Message.memory`."""

    connection = models.ForeignKey(
        MqttConnection, on_delete=models.CASCADE, db_index=False, related_name="parser_memories"
    )
    parser_name = models.CharField(max_length=100)
    key = models.CharField(max_length=512)
    value = models.BinaryField()
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "parser memories"
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "parser_name", "key"), name="one_memory_per_parser_and_key"
            ),
        )

    def __str__(self) -> str:
        return self.key


class TopicNotice(models.Model):
    """That something of a topic is in the parsing log, so that it is said once a minute or hour,
    with a count, however many processes meet it.
    """

    connection = models.ForeignKey(MqttConnection, on_delete=models.CASCADE, db_index=False)
    topic = models.TextField()
    kind = models.CharField(max_length=40)
    began_at = models.DateTimeField(db_index=True)
    count = models.BigIntegerField(default=1)
    log_id = models.BigIntegerField(null=True)

    class Meta:
        # By hash, as for DiscoveredTopic.
        constraints = (
            models.UniqueConstraint(
                "connection", MD5("topic"), "kind", "began_at", name="one_notice_per_topic_and_time"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.topic[:80]}"
