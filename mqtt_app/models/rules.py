from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from mqtt_app.models.sites import Site
from mqtt_app.models.validators import validate_name, validate_topic_filter


class TopicRule(models.Model):
    """What follows for the topics of a site that an MQTT filter selects. The first one that matches,
    by `position`, decides alone.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="topic_rules")
    position = models.PositiveIntegerField(help_text="From 1; the smallest that matches decides.")
    filter = models.CharField(max_length=640, validators=[validate_topic_filter])
    is_active = models.BooleanField(
        null=True,
        blank=True,
        help_text="Allow the topics, or switch them off. Empty: this is left as it is.",
    )
    parser_name = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text="The parser that reads these topics, whatever they look like.",
    )
    forbidden_parsers = ArrayField(
        models.CharField(max_length=100),
        default=list,
        db_default=[],
        blank=True,
        help_text="Parsers that never read these topics.",
    )
    ignore = models.BooleanField(
        default=False,
        help_text="Switched off, and not proposed for approval or counted in the fingerprint.",
    )
    retired = models.BooleanField(
        default=False, help_text="Ignored, and marked as a topic that is no longer used."
    )
    note = models.CharField(max_length=200, blank=True, default="", validators=[validate_name])
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("site", "position", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("site", "position"),
                name="one_topic_rule_per_position",
                deferrable=models.Deferrable.DEFERRED,
            ),
        )

    def __str__(self) -> str:
        return self.filter
