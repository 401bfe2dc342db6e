"""Connections that no instance holds must not look alive: the error that says why."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from mqtt_app.conf import config
from mqtt_app.domain.ownership.planner import Instance, Plan
from mqtt_app.logging_utils import log_connection_event
from mqtt_app.models import LogLevel, MqttConnection
from mqtt_app.services.ownership.bulk_writes import Seen

NO_WORKER = "No MQTT worker is running{last}. Start one with: manage.py start_mqtt_service"
FULL = "Every MQTT worker is full. Start another one, or raise SITEWIRE_CAPACITY."
MOVING = "MQTT worker {owner} is gone; the connection moves to {target}."


def messages(
    seen: Sequence[Seen], plan: Plan, instances: Collection[Instance], now: datetime
) -> dict[int, str]:
    """Connection id -> why no instance holds it ("" for a stopped one). `instances` are all that
    live.
    """
    unowned = set(plan.orphaned) | {row.id for row in seen if _is_left_over(row, plan, now)}
    reasons = {row.id: _message(row, plan, instances) for row in seen if row.id in unowned}
    return {number: message for number, message in reasons.items() if message is not None}


def _is_left_over(row: Seen, plan: Plan, now: datetime) -> bool:
    """No instance has room for it. A worker that restarts is away for a moment, which is nothing to
    report.
    """
    released_ago = now - row.status_since
    is_just_released = released_ago < timedelta(seconds=config().lease_ttl)
    return row.id in plan.unplaced and not row.row.owner and not is_just_released


def _message(row: Seen, plan: Plan, instances: Collection[Instance]) -> str | None:
    """None when there is nothing to say: all that live are about to end, and reconcile will see
    that they are gone.
    """
    if not row.row.wanted:
        return ""
    if not instances:
        last = row.row.assigned or row.row.owner
        return NO_WORKER.format(last=f" (last owner {last})" if last else "")
    if row.id in plan.unplaced:
        if any(not instance.draining for instance in instances):
            return FULL
        return None
    return MOVING.format(owner=row.row.owner, target=plan.assign.get(row.id, row.row.assigned))


def write_logs(connection_ids: Collection[int]) -> None:
    """One connection log row for each that has an error."""
    rows = MqttConnection.objects.filter(pk__in=connection_ids).exclude(error_message="")
    columns = ("id", "site_id", "broker_host", "broker_port", "error_message")
    for row in rows.only(*columns).order_by("id"):
        log_connection_event(row, LogLevel.ERROR, row.error_message)
