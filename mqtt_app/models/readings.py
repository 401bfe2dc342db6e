from django.db import models

from mqtt_app.models.devices import Device


class Quality(models.IntegerChoices):
    GOOD = 0, "Good"
    RETAINED = 1, "Last known value, kept by the broker"
    IMPLAUSIBLE_TIME = 2, "The device's clock cannot be right"


def as_json(
    value: float | None, boolean: bool | None, text: str | None, raw: bytes | memoryview | None
) -> float | bool | str | None:
    """The one that is set; raw bytes as hexadecimal."""
    if value is not None:
        return value
    if boolean is not None:
        return boolean
    if raw is None:
        return text
    return bytes(raw).hex()


class ReadingValue(models.Model):
    """One of the four value columns is set. `value` is a finite number."""

    metric = models.CharField(max_length=255)
    value = models.FloatField(null=True)
    boolean = models.BooleanField(null=True)
    text = models.TextField(null=True)  # noqa: DJ001  NULL: the value is not text
    raw = models.BinaryField(null=True)
    time = models.DateTimeField()
    received_at = models.DateTimeField()
    quality = models.PositiveSmallIntegerField(choices=Quality.choices, default=Quality.GOOD)

    class Meta:
        abstract = True

    @property
    def shown(self) -> float | bool | str | None:
        return as_json(self.value, self.boolean, self.text, self.raw)


class Reading(ReadingValue):
    """One value of one metric of one device at one time.

    The table is partitioned by `time` (months, and a default partition so that none missing can
    stop ingest), filled by COPY, and has no foreign key and no primary key in the database: see
    migration 0002.
    """

    id = models.BigAutoField(primary_key=True)
    device = models.ForeignKey(
        Device, on_delete=models.DO_NOTHING, db_constraint=False, related_name="readings"
    )

    class Meta:
        managed = False
        db_table = "mqtt_reading"
        ordering = ("-time",)

    def __str__(self) -> str:
        return f"{self.device_id} {self.metric} {self.time}"


class LatestReading(ReadingValue):
    """The newest plausible value of each metric of each device."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="latest")
    count = models.BigIntegerField(
        default=1, db_default=1, help_text="Readings at plausible times."
    )
    first_time = models.DateTimeField(null=True, help_text="Of the earliest of them.")

    class Meta:
        ordering = ("device_id", "metric")
        constraints = (
            models.UniqueConstraint(
                fields=("device", "metric"), name="one_latest_per_device_and_metric"
            ),
        )

    def __str__(self) -> str:
        return f"{self.device_id} {self.metric}"
