from django.db import models

from mqtt_app.models.devices import DiscoveredTopic
from mqtt_app.models.sites import Site


class TopicSample(models.Model):
    """One of the last messages of a topic, as it came. `name` is the topic that it was published
    under, which for topics that share a row is not that of the row. `payload` has the first
    `sampling.MAX_BYTES` of `size` bytes.

    Without foreign keys in the database: ingest writes these beside rows that others may delete at
    that moment, and a sample is not worth a lock. Upkeep removes what is left over.
    """

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, db_constraint=False, related_name="samples"
    )
    topic = models.ForeignKey(
        DiscoveredTopic,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="samples",
    )
    name = models.TextField()
    payload = models.BinaryField()
    size = models.PositiveIntegerField()
    qos = models.PositiveSmallIntegerField()
    retain = models.BooleanField()
    received_at = models.DateTimeField()
    shape = models.IntegerField(editable=False)

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("topic", "id"), name="mqtt_topicsample_topic"),)

    def __str__(self) -> str:
        return self.name

    @property
    def is_cut(self) -> bool:
        return self.size > len(self.payload)
