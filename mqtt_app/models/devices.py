from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import MD5
from django.utils import timezone

from mqtt_app.models.choices import DeviceStatus
from mqtt_app.models.connections import MqttConnection
from mqtt_app.models.sites import Site
from mqtt_app.models.validators import validate_name


class DiscoveredTopic(models.Model):
    """A concrete topic that was seen. Its messages are parsed only when both flags are true."""

    connection = models.ForeignKey(
        MqttConnection, on_delete=models.CASCADE, related_name="discovered_topics"
    )
    topic = models.TextField()
    is_processable = models.BooleanField(
        default=False, editable=False, help_text="A parser recognises it."
    )
    is_active = models.BooleanField(default=True, help_text="The operator allows it.")
    parser_name = models.CharField(max_length=100, blank=True, default="", editable=False)
    first_seen = models.DateTimeField(default=timezone.now, editable=False)
    last_seen = models.DateTimeField(null=True, blank=True, editable=False)
    message_count = models.BigIntegerField(default=0, editable=False)
    was_retained = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="The broker kept its first message: it was not new.",
    )

    class Meta:
        ordering = ("-id",)
        # By hash: a topic may have 65,535 bytes, an index row has to be smaller than 2,704.
        constraints = (
            models.UniqueConstraint(
                "connection", MD5("topic"), name="one_discovered_topic_per_connection"
            ),
        )

    def __str__(self) -> str:
        return self.topic


class Presence(models.Model):
    """What gateways and devices share: when they last spoke, and when their silence becomes news."""

    # The unique constraint begins with the site. A second index on it alone misleads the planner,
    # which then reads all devices of a site to find one.
    site = models.ForeignKey(Site, on_delete=models.CASCADE, db_index=False)
    identifier = models.CharField(max_length=512)
    name = models.CharField(max_length=200, blank=True, default="", validators=[validate_name])
    status = models.CharField(
        max_length=8, choices=DeviceStatus.choices, default=DeviceStatus.UNKNOWN, editable=False
    )
    status_reason = models.CharField(max_length=100, blank=True, default="", editable=False)
    status_since = models.DateTimeField(default=timezone.now, editable=False)
    last_seen = models.DateTimeField(null=True, blank=True, editable=False)
    due_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Silent beyond this time: offline. Empty: not watched.",
    )
    silence_after = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(31_536_000)],
        help_text="Seconds of silence until offline. Empty: the site's.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name or self.identifier


class Gateway(Presence):
    """Who relays for devices. While it is offline, nothing is known about them."""

    class Meta(Presence.Meta):
        constraints = (
            models.UniqueConstraint(fields=("site", "identifier"), name="one_gateway_per_site"),
        )
        indexes = (
            models.Index(fields=("due_at",), name="mqtt_gateway_due", condition=Q(status="online")),
        )


class Device(Presence):
    """Who speaks."""

    gateway = models.ForeignKey(
        Gateway, null=True, blank=True, on_delete=models.SET_NULL, related_name="devices"
    )

    class Meta(Presence.Meta):
        constraints = (
            models.UniqueConstraint(fields=("site", "identifier"), name="one_device_per_site"),
        )
        indexes = (
            models.Index(fields=("due_at",), name="mqtt_device_due", condition=Q(status="online")),
        )
