from django.contrib.postgres.fields import ArrayField
from django.db import models

from mqtt_app.models.sites import Site


class SiteRhythm(models.Model):
    """How long a site is usually silent; see `domain/status/silence.py`. Written each half minute,
    so what changes once an hour is in a table of its own.
    """

    site = models.OneToOneField(
        Site, on_delete=models.CASCADE, primary_key=True, related_name="rhythm"
    )
    last = models.FloatField(help_text="Unix seconds of the newest message.")
    gaps = models.BigIntegerField(default=0)
    longest = models.FloatField(default=0.0, help_text="Seconds.")
    hour_longest = models.FloatField(default=0.0, help_text="Seconds.")

    class Meta:
        ordering = ("site_id",)

    def __str__(self) -> str:
        return f"rhythm of site {self.site_id}"


class SiteWeek(models.Model):
    """The longest usual gap of each hour of the week, in seconds; 0.0 where it is not known."""

    site = models.OneToOneField(
        Site, on_delete=models.CASCADE, primary_key=True, related_name="week"
    )
    hours = ArrayField(models.FloatField(), help_text="From Monday 00:00 UTC.")

    class Meta:
        ordering = ("site_id",)

    def __str__(self) -> str:
        return f"week of site {self.site_id}"
