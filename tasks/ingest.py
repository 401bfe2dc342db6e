"""Queue `mqtt.ingest`: batches of messages to committed rows, and the acknowledgement back."""

import logging
import time

import redis
from celery import shared_task

from mqtt_app.coordination.acks import AckList, note
from mqtt_app.coordination.client import quick_client
from mqtt_app.domain.messages import unpack
from mqtt_app.services import ingest

log = logging.getLogger(__name__)


@shared_task(name="tasks.ingest.store_batch", ignore_result=True, serializer="msgpack")
def store_batch(*, blob: bytes) -> None:
    """Idempotent by the batch's receipt. A lost acknowledgement costs the owner a question to the receipts."""
    batch = unpack(blob)
    outcome = ingest.store(batch, time.time())
    try:
        AckList(quick_client()).push(batch.instance_id, batch.incarnation, [note(batch.id, outcome.skipped)])
    except redis.RedisError as error:
        log.warning("Batch %s is committed, but its acknowledgement was lost: %s", batch.id, type(error).__name__)
