"""Messages that were not stored, as they came, and how each parser does at each site."""

from django.db import models
from django.utils import timezone

from mqtt_app.models.choices import DeadLetterReason, DeadLetterState
from mqtt_app.models.connections import MqttConnection
from mqtt_app.models.sites import Site


class ParserHealth(models.Model):
    """A parser at a site where it failed at least once. Paused: `paused_since` is set and
    `resumed_at` is not.

    `parsed` and `failed` count the messages since `window_started`, all task workers together.
    """

    PAUSED = models.Q(paused_since__isnull=False, resumed_at__isnull=True)

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="parsers")
    parser_name = models.CharField(max_length=100)
    window_started = models.DateTimeField(default=timezone.now)
    parsed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    paused_since = models.DateTimeField(null=True, blank=True)
    resumed_at = models.DateTimeField(null=True, blank=True)
    last_parsed_at = models.DateTimeField(
        null=True, blank=True, help_text="While paused: when it last parsed one."
    )
    attended_at = models.DateTimeField(
        null=True, blank=True, help_text="When its dead letters were last looked after."
    )
    reason = models.TextField(blank=True, default="")

    class Meta:
        verbose_name_plural = "parser health"
        constraints = (
            models.UniqueConstraint(
                fields=("site", "parser_name"), name="one_health_per_site_and_parser"
            ),
        )

    def __str__(self) -> str:
        return f"{self.parser_name} at site {self.site_id}"

    @property
    def is_paused(self) -> bool:
        return self.paused_since is not None and self.resumed_at is None


class DeadLetter(models.Model):
    """A message that was not stored, as it came. `tries` counts how often it was replayed in vain;
    `parser_name` is empty where no parser was asked.
    """

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="dead_letters", db_index=False
    )
    connection = models.ForeignKey(
        MqttConnection,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    topic = models.TextField()
    payload = models.BinaryField()
    qos = models.PositiveSmallIntegerField()
    retain = models.BooleanField()
    received_at = models.DateTimeField()
    parser_name = models.CharField(max_length=100, blank=True, default="")
    reason = models.CharField(max_length=8, choices=DeadLetterReason.choices)
    error = models.TextField(blank=True, default="")
    state = models.CharField(max_length=9, choices=DeadLetterState.choices)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    operation_id = models.UUIDField(
        null=True, blank=True, editable=False, help_text="Of the replay that asked for it."
    )
    asked_parser = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="By which it is to be replayed; empty: by that of its topic.",
    )

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(
                fields=("site", "parser_name", "state", "id"), name="mqtt_deadletter_group"
            ),
            models.Index(fields=("state", "tries", "id"), name="mqtt_deadletter_state"),
            models.Index(
                fields=("operation_id", "id"),
                name="mqtt_deadletter_operation",
                condition=models.Q(operation_id__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.topic
