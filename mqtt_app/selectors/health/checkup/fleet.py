"""The processes and the links: who lives, who gets on, and what nobody looks after."""

from collections.abc import Iterator, Mapping, Sequence

from django.db.models import Count

from mqtt_app.conf import config
from mqtt_app.domain.delivery.stalls import remedy
from mqtt_app.models import ConnectionStatus, MqttConnection
from mqtt_app.selectors.health.alarms import BEAT_REMEDY, reconcile_is_late
from mqtt_app.selectors.health.checkup.findings import Finding, error, ok, warning
from mqtt_app.selectors.status.system import SystemSnapshot, orphans

SHOWN = 5  # connections that are named


def fleet(
    seen: SystemSnapshot, served: Mapping[str, Sequence[str]] | None, *, database: bool
) -> Iterator[Finding]:
    """`served`: queue -> names of the task workers that serve it; None when nobody could be asked."""
    if not seen.reachable:
        return
    yield from _workers(seen)
    yield from _storing(seen)
    yield _reconcile(seen)
    yield from _queues(seen, served)
    if database:
        yield _orphans(seen)
        yield from _failing()


def _workers(seen: SystemSnapshot) -> Iterator[Finding]:
    if not seen.leases:
        yield error(
            "mqtt workers",
            "None is running, so nothing connects.",
            "Start one: python3 manage.py start_mqtt_service",
        )
    stuck = seen.stuck()
    for name, lease in sorted(seen.leases.items()):
        if name in stuck:
            yield error(
                "mqtt workers",
                f"{name} lives and is not ready.",
                stuck[name][0].upper() + stuck[name][1:],
            )
        else:
            yield ok(
                "mqtt workers",
                f"{name} holds {lease.load} of at most {lease.capacity} connections, "
                f"lease renewed {seen.lease_ages()[name]} s ago.",
            )


def _storing(seen: SystemSnapshot) -> Iterator[Finding]:
    stalled = seen.not_storing()
    for name, why in stalled.items():
        vitals = seen.leases[name].vitals
        yield error("storing", f"{name}: {why}.", remedy(vitals.waits_for) if vitals else "")
    if seen.leases and not stalled:
        yield ok("storing", "Every link's messages are being stored.")


def _reconcile(seen: SystemSnapshot) -> Finding:
    age = seen.reconcile_age
    remedy = f"{BEAT_REMEDY} Start and stop work without; balance does not."
    if age is None:
        return warning("reconcile", "None has finished within a day.", remedy)
    if reconcile_is_late(seen):
        return warning("reconcile", f"The last one finished {age:.0f} s ago.", remedy)
    return ok("reconcile", f"The last one finished {age:.0f} s ago.")


def _queues(seen: SystemSnapshot, served: Mapping[str, Sequence[str]] | None) -> Iterator[Finding]:
    for queue, depth in sorted(seen.queues.items()):
        workers = None if served is None else served.get(queue, ())
        by = "" if not workers else f", served by {', '.join(workers)}"
        if workers is not None and not workers:
            yield error(
                "task workers",
                f"Nobody serves the queue {queue}; {depth} tasks wait.",
                f"Start one: celery -A project worker -Q {queue}",
            )
        elif depth >= config().ingest_queue_max:
            yield warning(
                "task workers",
                f"{depth} tasks wait in {queue}{by}.",
                "Start more task workers for it.",
            )
        else:
            yield ok("task workers", f"{depth} tasks wait in {queue}{by}.")
    if served is None:
        yield warning("task workers", "Nobody answered within 2 s.", "Are task workers running?")


def _orphans(seen: SystemSnapshot) -> Finding:
    count = orphans(seen)
    if not count:
        return ok("orphans", "Every connection that is wanted has a living owner.")
    return warning(
        "orphans",
        f"{count} connections that are wanted have no living owner.",
        "Wait 30 s; if they stay, start more MQTT workers or raise SITEWIRE_CAPACITY.",
    )


def _failing() -> Iterator[Finding]:
    failing = MqttConnection.objects.filter(
        is_active=True, site__is_active=True, status=ConnectionStatus.ERROR
    )
    total = failing.count()
    if not total:
        yield ok("connections", "None that is wanted is in error.")
        return
    classes = failing.order_by("error_class").values_list("error_class").annotate(Count("id"))
    counted = ", ".join(f"{number} {name or 'unknown'}" for name, number in classes)
    yield warning(
        "connections", f"{total} are in error ({counted}).", "Their pages and logs say what to do."
    )
    for row in failing.select_related("site").order_by("id")[:SHOWN]:
        yield warning(
            "connections", f"[Site {row.site_id}] {row.site.name}: {row.error_message}", ""
        )
