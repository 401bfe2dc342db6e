"""Queue `mqtt.ingest`: batches of messages to committed rows, and the outcome back to the owner of
the links.
"""

import logging
import time
from typing import Any

import redis
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import shared_task
from celery.signals import task_failure
from django.utils import timezone
from kombu.exceptions import OperationalError

from mqtt_app.conf import config
from mqtt_app.coordination.acks import AckList, BatchOutcome, BatchReport
from mqtt_app.coordination.client import quick_client
from mqtt_app.domain.delivery.faults import Fault
from mqtt_app.domain.delivery.messages import Batch, unpack
from mqtt_app.domain.health.periodic import PeriodicTaskName
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.faults import fault_of
from mqtt_app.services.replay import requests, schedule, trial
from mqtt_app.services.replay.batch import replay_next
from mqtt_app.services.upkeep import periodic_runs
from tasks.queues import STORE_BATCH

log = logging.getLogger(__name__)

PUT_BACK_FOR = 5.0  # s until a batch is tried again whose messages only the queue may have
LOG_AGAIN = 10.0  # s between two lines about a database that is away

_logged_at = float("-inf")


@shared_task(name=STORE_BATCH, ignore_result=True, serializer="msgpack")
def store_batch(*, blob: bytes) -> None:
    """Idempotent by the batch's receipt. Whatever keeps all of it from being stored, the owner gets
    the outcome, and sends it again: as it is while the database is away, in parts when only this
    batch is refused.
    """
    batch = unpack(blob)
    try:
        outcome = pipeline.store(batch, time.time())
    except Exception as error:  # noqa: BLE001  no fault may leave the owner without an answer
        _log(error)
        away = _is_away(error)
        if any(message.early for message in batch.messages) and (
            away or batch.tries < config().quarantine_after
        ):
            _put_back(blob)
        _report(batch, BatchReport(batch.id, BatchOutcome.FAILED if away else BatchOutcome.REFUSED))
    else:
        report = BatchReport(
            batch.id,
            skipped=frozenset(outcome.skipped),
            postponed=frozenset(outcome.postponed),
            refused=frozenset(outcome.refused),
        )
        _report(batch, report)


@shared_task(name=PeriodicTaskName.REPLAY, ignore_result=True)
def replay(*, judge: bool = True) -> None:
    """On this queue: its workers have the parsers that matter. `judge`: try first which parsers
    work again. A further batch waits its turn behind what is new.
    """
    try:
        if judge:
            schedule.judge_parsers(timezone.now())
        tried = trial.run_next(timezone.now())
        asked = requests.ask_for_next()
        more = replay_next(time.time()) or tried or asked
        periodic_runs.record(PeriodicTaskName.REPLAY, timezone.now())
    except Exception as error:  # noqa: BLE001  the next round tries again
        _log(error)
    else:
        if more:
            replay.apply_async(kwargs={"judge": False}, retry=False)


def send_replay() -> None:
    """The next periodic replay does the work where this fails."""
    try:
        replay.apply_async(kwargs={"judge": False}, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("A replay waits for the next periodic one: %s", error)


@task_failure.connect
def _answer_for_a_killed_process(sender: Any, exception: Any, kwargs: Any, **_: Any) -> None:
    """In the parent of the process that died: its owner need not wait for an answer that will not
    come.
    """
    if getattr(sender, "name", "") != STORE_BATCH or not isinstance(
        exception, (WorkerLostError, TimeLimitExceeded)
    ):
        return
    batch = unpack(kwargs["blob"])
    is_killed = isinstance(exception, WorkerLostError)
    if is_killed:
        outcome = BatchOutcome.KILLED
    else:
        outcome = BatchOutcome.FAILED
    _report(batch, BatchReport(batch.id, outcome))


def _put_back(blob: bytes) -> None:
    """No broker will deliver these again, and their owner may be gone by now: the queue is to keep
    them.
    """
    try:
        store_batch.apply_async(kwargs={"blob": blob}, countdown=PUT_BACK_FOR, retry=False)
    except (redis.RedisError, OperationalError) as error:
        log.warning("A batch could not be put back into the queue: %s", type(error).__name__)


def _report(batch: Batch, report: BatchReport) -> None:
    """A report that is lost costs the owner a question to the receipts."""
    try:
        AckList(quick_client()).push(batch.instance_id, batch.incarnation, [report])
    except redis.RedisError as error:
        text = "The outcome of a batch could not be reported: %s"
        log.warning(text, type(error).__name__)


def _is_away(error: Exception) -> bool:
    return fault_of(error) in {Fault.AWAY, Fault.CONFLICT}


def _log(error: Exception) -> None:
    """With its traceback when it is not just the database that is away."""
    global _logged_at  # noqa: PLW0603
    if time.monotonic() - _logged_at >= LOG_AGAIN:
        _logged_at = time.monotonic()
        if _is_away(error):
            trace = None
        else:
            trace = error
        text = "Batches cannot be stored (%s: %s); they are sent again"
        log.warning(text, type(error).__name__, error, exc_info=trace)
