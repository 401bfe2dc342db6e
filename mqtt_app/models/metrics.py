from django.db import models

from mqtt_app.models.choices import MetricType
from mqtt_app.models.devices import Device
from mqtt_app.models.sites import Site


class Metric(models.Model):
    """What is known of one metric of a device, beside its newest value (LatestReading).

    `type` is that of its first value, `unit` the one in which its numbers are stored. Numbers that
    come without a unit are in `source_unit`, when somebody described it.
    """

    device = models.ForeignKey(
        Device, on_delete=models.CASCADE, related_name="metrics", db_index=False
    )
    name = models.CharField(max_length=255)
    label = models.CharField(max_length=200, blank=True, default="", help_text="For people.")
    type = models.CharField(max_length=8, choices=MetricType.choices)
    unit = models.CharField(max_length=64, blank=True, default="")
    source_unit = models.CharField(max_length=64, blank=True, default="")
    diagnostic = models.BooleanField(
        default=False, help_text="About the device or its radio, not what it measures."
    )
    other_types = models.CharField(
        max_length=40,
        blank=True,
        default="",
        help_text="Types that came later; such values are stored beside the series.",
    )
    other_units = models.CharField(
        max_length=200, blank=True, default="", help_text="Units that cannot be converted."
    )
    implausible_count = models.BigIntegerField(
        default=0, db_default=0, help_text="Values at times that cannot be right."
    )

    class Meta:
        ordering = ("device_id", "name")
        constraints = (
            models.UniqueConstraint(fields=("device", "name"), name="one_metric_per_device"),
        )

    def __str__(self) -> str:
        return self.name


class DeviceAlias(models.Model):
    """Another identifier of a device: what it was called before, or of one merged into it."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, db_index=False)
    identifier = models.CharField(max_length=512)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="aliases")

    class Meta:
        verbose_name_plural = "device aliases"
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("site", "identifier"), name="one_alias_per_site"),
        )

    def __str__(self) -> str:
        return self.identifier
