from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from mqtt_app.conf import Config
from mqtt_app.models.validators import validate_name, validate_time_zone

_DEFAULTS = Config()


class Site(models.Model):
    """A customer's place: a lab, a building, a factory. Has at most one MqttConnection."""

    name = models.CharField(max_length=200, unique=True, validators=[validate_name])
    is_active = models.BooleanField(
        default=True, help_text="Off stops the site whatever its connection says."
    )
    new_topics_active = models.BooleanField(
        default=True, help_text="Off: a newly discovered topic waits until someone approves it."
    )
    silence_after = models.PositiveIntegerField(
        default=int(_DEFAULTS.silence_after),
        validators=[MinValueValidator(1), MaxValueValidator(31_536_000)],
        help_text="Seconds of silence after which a device or gateway counts as offline.",
    )
    retention_days = models.PositiveIntegerField(
        default=_DEFAULTS.reading_retention_days,
        validators=[MinValueValidator(1), MaxValueValidator(36_500)],
        help_text="Days that readings are kept.",
    )
    rollup_days = models.PositiveIntegerField(
        default=_DEFAULTS.rollup_days,
        db_default=_DEFAULTS.rollup_days,
        validators=[MinValueValidator(1), MaxValueValidator(36_500)],
        help_text="Days that readings summed up by day are kept; by hour two years at most.",
    )
    dead_letter_days = models.PositiveIntegerField(
        default=_DEFAULTS.dead_letter_days,
        db_default=_DEFAULTS.dead_letter_days,
        validators=[MinValueValidator(1), MaxValueValidator(366)],
        help_text="Days for which messages that were not stored can be replayed.",
    )
    max_topics = models.PositiveIntegerField(default=_DEFAULTS.max_topics)
    max_devices = models.PositiveIntegerField(default=_DEFAULTS.max_devices)
    max_new_topics = models.PositiveIntegerField(
        default=_DEFAULTS.max_new_topics, help_text="Per minute, beside what the broker retains."
    )
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        validators=[validate_time_zone],
        help_text="IANA name, such as Europe/Berlin, in which devices write local times. Empty: such "
        "times are not believed, and the time of receipt counts.",
    )
    capture_until = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Until then messages that no parser reads are kept, so that they can be replayed.",
    )
    mappings_version = models.PositiveIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="Grows with each change of what its mappings read.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="sites", blank=True
    )

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name


class SiteBooks(models.Model):
    """What became of every message of a site. `received` is the sum of all the others; `dropped` is
    by reason.
    """

    site = models.OneToOneField(
        Site, on_delete=models.CASCADE, primary_key=True, related_name="books"
    )
    received = models.BigIntegerField(default=0)
    stored = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    inactive = models.BigIntegerField(default=0)
    unprocessable = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    kept = models.BigIntegerField(
        default=0, db_default=0, help_text="Waiting raw until their parser works again."
    )
    kept_bytes = models.BigIntegerField(default=0, db_default=0, help_text="Of those payloads.")
    dropped = models.JSONField(default=dict, blank=True)
    readings = models.BigIntegerField(
        default=0, help_text="Readings stored; one message may hold many."
    )
    fields_left_out = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="Single fields that could not be stored; the rest of their messages was.",
    )
    replayed_failed = models.BigIntegerField(
        default=0, db_default=0, help_text="Counted as failed once, and replayed since."
    )
    replayed_quarantined = models.BigIntegerField(
        default=0, db_default=0, help_text="Counted as quarantined once, and replayed since."
    )
    last_message_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "site books"

    def __str__(self) -> str:
        return f"books of site {self.site_id}"
