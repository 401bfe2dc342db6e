from django.db import models


class PeriodicRun(models.Model):
    """The last good run of a task that beat sends; what beat knows is only that it sent one."""

    task = models.CharField(max_length=200, unique=True)
    finished_at = models.DateTimeField()

    class Meta:
        ordering = ("task",)

    def __str__(self) -> str:
        return self.task
