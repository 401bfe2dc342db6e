"""Mappings that people made: how a family that no built-in parser knows is read."""

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from mqtt_app.models.sites import Site
from mqtt_app.models.validators import validate_name

PREFIX = "mapping:"
_SLUG = RegexValidator(
    r"\A[a-z0-9][a-z0-9_-]*\Z",
    "Use small letters, digits, - and _, beginning with a letter or digit: kiln-controller.",
)


class PayloadMapping(models.Model):
    """A parser of one site, as data. `active_version` is the one that reads messages; None: none
    does. Its versions are never changed.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="mappings")
    name = models.CharField(max_length=60, validators=[_SLUG])
    active_version = models.PositiveIntegerField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("site", "name")
        constraints = (
            models.UniqueConstraint(fields=("site", "name"), name="one_mapping_per_site_and_name"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def parser_name(self) -> str:
        """As topics, rules and logs have it."""
        return PREFIX + self.name


class MappingVersion(models.Model):
    """`definition` is what `parsers.mapping.definition.read_definition` reads."""

    mapping = models.ForeignKey(PayloadMapping, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(help_text="From 1.")
    definition = models.JSONField()
    note = models.CharField(max_length=200, blank=True, default="", validators=[validate_name])
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        ordering = ("mapping", "-number")
        constraints = (
            models.UniqueConstraint(
                fields=("mapping", "number"), name="one_version_per_mapping_and_number"
            ),
        )

    def __str__(self) -> str:
        return f"version {self.number}"
