"""Connections that nobody holds must not look alive: what to say of them, and where."""

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
    """Connection id -> why nobody holds it ("" for a stopped one). `instances` are all that live."""
    gone, unplaced = set(plan.gone), set(plan.unplaced)
    idle = {
        one.row.id
        for one in seen
        if one.row.id in unplaced and not one.row.owner and not _just_let_go(one, now)
    }
    found = {
        one.row.id: _message(one, plan, instances) for one in seen if one.row.id in gone | idle
    }
    return {number: message for number, message in found.items() if message is not None}


def _just_let_go(one: Seen, now: datetime) -> bool:
    """A worker that restarts is away for a moment; that is nothing to report."""
    return now - one.status_since < timedelta(seconds=config().lease_ttl)


def _message(one: Seen, plan: Plan, instances: Collection[Instance]) -> str | None:
    """None when there is nothing to say: all that live are about to leave, and will say it by their
    absence.
    """
    if not one.row.wanted:
        return ""
    if not instances:
        last = one.row.assigned or one.row.owner
        return NO_WORKER.format(last=f" (last owner {last})" if last else "")
    if one.row.id in plan.unplaced:
        return FULL if any(not instance.draining for instance in instances) else None
    return MOVING.format(owner=one.row.owner, target=plan.assign.get(one.row.id, one.row.assigned))


def write_logs(connection_ids: Collection[int]) -> None:
    """One connection log row for each that has something to say."""
    rows = MqttConnection.objects.filter(pk__in=connection_ids).exclude(error_message="")
    for row in rows.only("id", "site_id", "broker_host", "broker_port", "error_message").order_by(
        "id"
    ):
        log_connection_event(row, LogLevel.ERROR, row.error_message)
