"""What is wrong with the installation right now, in words for whoever runs it."""

from collections.abc import Iterator
from dataclasses import dataclass

from mqtt_app.conf import config
from mqtt_app.domain.delivery.stalls import remedy
from mqtt_app.selectors.status.system import SystemSnapshot

MISSED = 3  # periods without a reconcile
BEAT_REMEDY = (
    "Is beat running, is “Reconcile MQTT connections” enabled in its schedule, and does a task worker "
    "serve mqtt.control?"
)


@dataclass(frozen=True, slots=True)
class Alarm:
    text: str
    remedy: str


def alarms(seen: SystemSnapshot) -> list[Alarm]:
    """None when all is well. `manage.py doctor` looks more closely, and at more."""
    if not seen.reachable:
        return [
            Alarm(
                "Redis does not answer.",
                "Links stay up and nothing is lost; is it running, and reachable?",
            )
        ]
    return [*_redis(seen), *_workers(seen), *_beat(seen), *_queues(seen)]


def _redis(seen: SystemSnapshot) -> Iterator[Alarm]:
    if seen.refusal:
        yield Alarm(
            f"Redis takes no writes: {seen.refusal}",
            "Give it more memory, or find out who fills it.",
        )


def _workers(seen: SystemSnapshot) -> Iterator[Alarm]:
    if not seen.leases and not seen.refusal:
        yield Alarm(
            "No MQTT worker is running, so nothing connects.",
            "Start one: python3 manage.py start_mqtt_service",
        )
    for name, why in seen.stuck().items():
        yield Alarm(f"The MQTT worker {name} lives and does not get on: {why}.", "")
    for name, why in seen.not_storing().items():
        vitals = seen.leases[name].vitals
        yield Alarm(f"At the MQTT worker {name} {why}.", remedy(vitals.waits_for) if vitals else "")


def reconcile_is_late(seen: SystemSnapshot) -> bool:
    """Of an installation that has only just been started nobody expects one."""
    most = MISSED * config().reconcile_interval
    if seen.reconcile_age is not None:
        return seen.reconcile_age > most
    return any(seen.at - lease.started_at > most for lease in seen.leases.values())


def _beat(seen: SystemSnapshot) -> Iterator[Alarm]:
    if reconcile_is_late(seen):
        since = "within a day" if seen.reconcile_age is None else f"for {seen.reconcile_age:.0f} s"
        yield Alarm(
            f"No reconcile has finished {since}; start and stop work without, balance does not.",
            BEAT_REMEDY,
        )


def _queues(seen: SystemSnapshot) -> Iterator[Alarm]:
    for name, depth in sorted(seen.queues.items()):
        if depth >= config().ingest_queue_max:
            yield Alarm(
                f"{depth:,} tasks wait in {name}.",
                "Are task workers running for it? Start more of them.",
            )
