from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import MD5
from django.utils import timezone

from mqtt_app.models.choices import DeviceStatus
from mqtt_app.models.connections import MqttConnection
from mqtt_app.models.rules import TopicRule
from mqtt_app.models.sites import Site
from mqtt_app.models.validators import validate_name


class DiscoveredTopic(models.Model):
    """A concrete topic that was seen. Its messages are parsed only when both flags are true.

    `rule` is the one that decided last; None when a person did, or nobody yet.
    """

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
    heard_live = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="A message came that was no retained one.",
    )
    confidence = models.FloatField(
        null=True,
        blank=True,
        editable=False,
        help_text="How sure its parser was when it recognised the topic, 0 to 1.",
    )
    recognitions = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="How often another parser took it over by itself.",
    )
    pinned_parser = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text="The parser that reads it, whatever it looks like.",
    )
    forbidden_parsers = ArrayField(
        models.CharField(max_length=100),
        default=list,
        db_default=[],
        blank=True,
        help_text="Parsers that never read it.",
    )
    rule = models.ForeignKey(
        TopicRule,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="topics",
        editable=False,
    )
    is_ignored = models.BooleanField(default=False, db_default=False, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    template = models.TextField(
        default="",
        db_default="",
        editable=False,
        help_text="Of a topic with a level that may never repeat.",
    )
    is_folding = models.BooleanField(
        default=False,
        db_default=False,
        help_text="It stands for every topic of its template that has no row of its own.",
    )
    member_count = models.BigIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text="Topics that it stands for or stood for; none for an ordinary topic.",
    )

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(
                "connection",
                MD5("template"),
                name="mqtt_discoveredtopic_template",
                condition=~models.Q(template=""),
            ),
            models.Index(
                fields=("connection",),
                name="mqtt_discoveredtopic_folding",
                condition=models.Q(is_folding=True),
            ),
        )
        # By hash: a topic may have 65,535 bytes, an index row has to be smaller than 2,704.
        constraints = (
            models.UniqueConstraint(
                "connection", MD5("topic"), name="one_discovered_topic_per_connection"
            ),
        )

    def __str__(self) -> str:
        return self.topic

    @property
    def only_retained(self) -> bool:
        """Dead, most likely: the broker keeps a message, and nobody published since we listen."""
        return self.was_retained and not self.heard_live


class FoldedMember(models.Model):
    """A topic that a folding one stands for, by the MD5 of its name. Only the newest are kept."""

    topic = models.ForeignKey(
        DiscoveredTopic, on_delete=models.CASCADE, related_name="members", db_index=False
    )
    member = models.UUIDField()
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("topic", "member"), name="one_member_per_folded_topic"),
        )

    def __str__(self) -> str:
        return f"{self.member} of {self.topic_id}"


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
        help_text="Seconds of silence until offline. Empty: what is described, else the site's.",
    )
    described_silence = models.FloatField(
        null=True,
        blank=True,
        editable=False,
        help_text="Seconds of silence until offline by its description. Empty: it has none.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    is_named_by_person = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="No description changes it then."
    )
    manufacturer = models.CharField(
        max_length=200, blank=True, default="", db_default="", editable=False
    )
    model = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False)
    software = models.CharField(
        max_length=200, blank=True, default="", db_default="", editable=False
    )
    address = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="What stays when it is renamed, such as a MAC.",
    )
    retired_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="No longer used: not watched until it speaks again.",
    )

    class Meta:
        abstract = True
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name or self.identifier


class Gateway(Presence):
    """Who relays for devices. While it is offline, nothing is known about them.

    `listed` is its own list of identifiers, None before it has sent one.
    """

    listed = ArrayField(
        models.CharField(max_length=512), null=True, blank=True, editable=False, default=None
    )

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
    clock_skew = models.FloatField(
        null=True,
        blank=True,
        editable=False,
        help_text="Seconds by which its clock is ahead of ours, as last measured.",
    )
    clock_skew_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta(Presence.Meta):
        constraints = (
            models.UniqueConstraint(fields=("site", "identifier"), name="one_device_per_site"),
        )
        indexes = (
            models.Index(fields=("due_at",), name="mqtt_device_due", condition=Q(status="online")),
            # for all devices below an identifier: those that begin with it and a slash
            models.Index(
                fields=("identifier",), name="mqtt_device_below", opclasses=("text_pattern_ops",)
            ),
        )
