from django.db import models


class Rollup(models.Model):
    """What the readings of one metric amount to in one hour, or one day, of UTC.

    Readings at times that cannot be right are left out. Booleans count as numbers: 0 and 1. `first`
    and `last` are NULL where that reading is no number, and its text is in the column beside it.
    Kept longer than readings. No foreign key: a row is made for each hour of each metric, and the
    check would cost as much as the row.
    """

    metric_id = models.BigIntegerField()
    hours = models.PositiveSmallIntegerField(help_text="1 or 24.")
    start = models.DateTimeField()
    count = models.BigIntegerField()
    numbers = models.BigIntegerField(help_text="How many of them are numbers.")
    sum = models.FloatField(default=0.0)
    min = models.FloatField(null=True)
    max = models.FloatField(null=True)
    first_time = models.DateTimeField()
    first = models.FloatField(null=True)
    first_text = models.TextField(null=True)  # noqa: DJ001  NULL: it is no text
    last_time = models.DateTimeField()
    last = models.FloatField(null=True)
    last_text = models.TextField(null=True)  # noqa: DJ001  NULL: it is no text
    pk = models.CompositePrimaryKey("metric_id", "hours", "start")

    class Meta:
        ordering = ("metric_id", "hours", "start")

    def __str__(self) -> str:
        return f"{self.metric_id} {self.start} {self.hours} h"


class RollupProgress(models.Model):
    """The one row that says how far readings are rolled up, by their ids.

    `done_id`: all up to it are. `mark_id` was the newest id at a moment when `mark_transaction` was
    the next transaction of the database: once all before that one have ended, no id up to `mark_id`
    can appear any more.
    """

    done_id = models.BigIntegerField(default=0)
    mark_id = models.BigIntegerField(default=0)
    mark_transaction = models.BigIntegerField(default=0)
    looked_at = models.DateTimeField(help_text="When all that was final then was rolled up.")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"up to reading {self.done_id}"
