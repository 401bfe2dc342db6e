"""Ends the operations of links whose status changed. Called by the one writer of statuses, in its
transaction, with the rows that changed: never for a message.
"""

from collections.abc import Collection
from datetime import datetime

import msgspec
from django.db import transaction

from mqtt_app.domain.operations import OPEN, SWITCHES, Judgement
from mqtt_app.models import Operation
from mqtt_app.selectors.operations import judgements
from mqtt_app.services.operations.requests import publish

SWEEP = 1_000  # open operations looked at in one sweep, the oldest first


def sweep(now: datetime) -> None:
    """Judge what is open although no status changed: past its deadline, or missed."""
    rows = Operation.objects.filter(kind__in=SWITCHES, state__in=OPEN).order_by("created_at")
    site_ids = set(rows.values_list("site_id", flat=True)[:SWEEP])
    if site_ids:
        with transaction.atomic():
            settle([site_id for site_id in site_ids if site_id is not None], now)


def settle(site_ids: Collection[int], now: datetime) -> None:
    """Judge what is open about these sites' links, and write what changed. A row that another
    transaction has locked is passed over: that one is superseding it."""
    rows = Operation.objects.select_for_update(skip_locked=True, no_key=True).filter(
        site__in=site_ids, kind__in=SWITCHES, state__in=OPEN
    )
    found = list(rows.order_by("id"))
    for operation, judgement in judgements(found, now):
        if judgement.state.value != operation.state:
            _write(operation, judgement)


def _write(operation: Operation, judgement: Judgement) -> None:
    operation.state = judgement.state.value
    operation.timeline = msgspec.to_builtins(judgement.timeline)
    operation.finished_at = judgement.finished_at
    operation.error_class = judgement.error_class
    operation.error = judgement.error
    operation.observed_generation = judgement.generation
    operation.done = int(judgement.finished_at is not None)
    operation.save(
        update_fields=(
            "state",
            "timeline",
            "finished_at",
            "error_class",
            "error",
            "observed_generation",
            "done",
        )
    )
    publish(operation)
