"""Every metric and its name, read when somebody asks; nothing is counted twice and no process has
to be found.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from django.db import DatabaseError
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mqtt_app.domain.accounting import SUMS, Term
from mqtt_app.domain.health.findings import Check, Severity
from mqtt_app.domain.health.judgement import Installation, judge, unready
from mqtt_app.domain.health.vitals import Vitals
from mqtt_app.selectors.health.exposure import allow_listed, unverified_tls
from mqtt_app.selectors.health.observe import observe
from mqtt_app.selectors.status.system import (
    SystemSnapshot,
    books_of_sites,
    books_total,
    connection_counts,
    dropped_by_reason,
    orphans,
    paused_parsers,
    pulse,
)

UP = "sitewire_up"
CONNECTIONS = "sitewire_connections"
MESSAGES = "sitewire_messages"
SITE_MESSAGES = "sitewire_site_messages"
KEPT = "sitewire_messages_kept"
SITE_KEPT = "sitewire_site_messages_kept"
PARSERS_PAUSED = "sitewire_parsers_paused"
READINGS = "sitewire_readings"
LAST_MESSAGE = "sitewire_last_message_timestamp_seconds"
WORKERS = "sitewire_mqtt_workers"
LEASE_AGE = "sitewire_mqtt_worker_lease_age_seconds"
WORKER_LOAD = "sitewire_mqtt_worker_connections"
WORKER_CAPACITY = "sitewire_mqtt_worker_capacity"
QUEUE_DEPTH = "sitewire_queue_depth"
WORKER_READY = "sitewire_mqtt_worker_ready"
WORKER_BATCHES = "sitewire_mqtt_worker_unacknowledged_batches"
WORKER_OLDEST = "sitewire_mqtt_worker_oldest_batch_age_seconds"
WORKER_PENDING = "sitewire_mqtt_worker_pending_bytes"
WORKER_PENDING_LIMIT = "sitewire_mqtt_worker_pending_limit_bytes"
WORKER_LOG_ROWS = "sitewire_mqtt_worker_log_rows_waiting"
WORKER_EVENTS = "sitewire_mqtt_worker_events_waiting"
GIVEN_UP = "sitewire_given_up"
WORKER_NOT_READ = "sitewire_mqtt_worker_links_not_read"
WORKER_NOT_STORED = "sitewire_mqtt_worker_links_not_stored"
WORKER_NOT_STORED_AGE = "sitewire_mqtt_worker_oldest_not_stored_age_seconds"
WORKER_SUSPECTS = "sitewire_mqtt_worker_suspect_links"
ORPHANS = "sitewire_orphaned_connections"
REDIS_WRITABLE = "sitewire_redis_writable"
REDIS_MEMORY = "sitewire_redis_memory_bytes"
REDIS_MEMORY_LIMIT = "sitewire_redis_memory_limit_bytes"
TLS_UNVERIFIED = "sitewire_tls_unverified_connections"
ALLOW_LISTED = "sitewire_allow_listed_links"
QUEUE_LIMIT = "sitewire_queue_limit"
PERIODIC_AGE = "sitewire_periodic_task_age_seconds"
PROBLEMS = "sitewire_problems"


class SitewireCollector(Collector):
    """A part that does not answer says so in `sitewire_up`, and the rest is shown all the same."""

    def collect(self) -> Iterable[Metric]:
        seen = pulse()
        try:
            stored = list(_stored(seen))
        except DatabaseError:
            stored = []
        installation = observe(seen)
        up = GaugeMetricFamily(UP, "Whether a part answers (1) or not (0).", labels=("part",))
        up.add_metric(("redis",), float(seen.reachable))
        up.add_metric(("database",), float(bool(stored)))
        live = _live(seen, installation) if seen.reachable else ()
        return [up, *_health(installation), *stored, *live]


def _stored(seen: SystemSnapshot) -> Iterator[Metric]:
    connections = GaugeMetricFamily(
        CONNECTIONS, "Connections by wish and stored status.", labels=("wanted", "status")
    )
    for (wanted, status), number in connection_counts().items():
        connections.add_metric((str(wanted).lower(), status), number)
    yield connections
    if seen.reachable:
        yield GaugeMetricFamily(
            ORPHANS, "Wanted connections without a living owner.", value=orphans(seen)
        )
    unverified = unverified_tls().count()
    yield GaugeMetricFamily(
        TLS_UNVERIFIED, "Connections that use TLS without verifying the broker.", value=unverified
    )
    yield from _of_sites()
    books = books_total()
    said = (
        "Messages by what became of them, all sites. What is replayed stays counted as it was, too."
    )
    messages = CounterMetricFamily(MESSAGES, said, labels=("outcome",))
    for outcome in SUMS:
        if outcome not in {"readings", Term.KEPT}:
            messages.add_metric((outcome,), books[outcome])
    for reason, number in dropped_by_reason().items():
        messages.add_metric((f"dropped:{reason}",), number)
    yield messages
    yield GaugeMetricFamily(
        KEPT, "Messages that wait raw until their parser works again.", value=books["kept"]
    )
    paused = GaugeMetricFamily(
        PARSERS_PAUSED, "Sites where a parser fails on most messages.", labels=("parser",)
    )
    for name, sites in paused_parsers().items():
        paused.add_metric((name,), sites)
    yield paused
    yield CounterMetricFamily(READINGS, "Readings stored, all sites.", value=books["readings"])
    yield GaugeMetricFamily(
        LAST_MESSAGE, "When the last message of any site arrived.", value=books["last_message_at"]
    )


def _health(installation: Installation) -> Iterator[Metric]:
    """The findings that `manage.py doctor` prints, counted."""
    problems = GaugeMetricFamily(
        PROBLEMS, "What is wrong with the installation.", labels=("check", "severity")
    )
    found = Counter((finding.check, finding.severity) for finding in judge(installation))
    for check in Check:
        for severity in (Severity.WARNING, Severity.ERROR):
            problems.add_metric((check.value, severity.value.lower()), found[check, severity])
    yield problems
    ages = GaugeMetricFamily(
        PERIODIC_AGE, "Since the last good run of a task that beat sends.", labels=("task",)
    )
    for task in installation.periodic_tasks or ():
        if task.last_run_age is not None:
            ages.add_metric((task.task.value,), task.last_run_age)
    yield ages


def _of_sites() -> Iterator[Metric]:
    """The books of each site: `received` is the sum of all other outcomes, of what is kept, less
    what was replayed.
    """
    family = CounterMetricFamily(
        SITE_MESSAGES, "Messages of a site by outcome.", labels=("site", "outcome")
    )
    kept = GaugeMetricFamily(
        SITE_KEPT, "Messages of a site that wait raw until they are replayed.", labels=("site",)
    )
    for site_id, outcomes in books_of_sites().items():
        kept.add_metric((str(site_id),), outcomes.pop(Term.KEPT))
        for outcome, number in outcomes.items():
            family.add_metric((str(site_id), outcome), number)
    yield family
    yield kept


def _live(seen: SystemSnapshot, installation: Installation) -> Iterator[Metric]:
    yield GaugeMetricFamily(WORKERS, "MQTT workers with a lease.", value=len(seen.leases))
    listed = allow_listed(seen)
    yield GaugeMetricFamily(
        ALLOW_LISTED, "Links to addresses that only SITEWIRE_BROKER_ALLOW permits.", value=listed
    )
    yield from _of_workers(seen, installation)
    yield from _of_leases(seen)
    yield GaugeMetricFamily(
        REDIS_WRITABLE, "Whether Redis takes writes (1) or not (0).", value=float(not seen.refusal)
    )
    yield GaugeMetricFamily(REDIS_MEMORY, "Memory that Redis uses.", value=seen.memory)
    yield GaugeMetricFamily(
        REDIS_MEMORY_LIMIT, "Its maxmemory, 0 for none.", value=seen.memory_limit
    )
    limits = GaugeMetricFamily(QUEUE_LIMIT, "Tasks at which it is full.", labels=("queue",))
    for state in installation.queues or ():
        limits.add_metric((state.name,), state.limit)
    yield limits
    depths = GaugeMetricFamily(QUEUE_DEPTH, "Tasks waiting.", labels=("queue",))
    for queue, depth in seen.queues.items():
        depths.add_metric((queue,), depth)
    yield depths
    given_up = CounterMetricFamily(
        GIVEN_UP, "Items that were never told, for their buffer was full.", labels=("what",)
    )
    for what, number in ({"log rows": 0, "events for browsers": 0} | dict(seen.given_up)).items():
        given_up.add_metric((what,), number)
    yield given_up


def _of_leases(seen: SystemSnapshot) -> Iterator[Metric]:
    ages = GaugeMetricFamily(LEASE_AGE, "Since the last renewal.", labels=("instance",))
    load = GaugeMetricFamily(WORKER_LOAD, "Connections an MQTT worker owns.", labels=("instance",))
    capacity = GaugeMetricFamily(
        WORKER_CAPACITY, "Connections an MQTT worker accepts.", labels=("instance",)
    )
    for instance, age in seen.lease_ages().items():
        ages.add_metric((instance,), age)
        load.add_metric((instance,), seen.leases[instance].load)
        capacity.add_metric((instance,), seen.leases[instance].capacity)
    yield from (ages, load, capacity)


def _of_workers(seen: SystemSnapshot, installation: Installation) -> Iterator[Metric]:
    """How far each MQTT worker gets on, and how full its memory is."""
    faults = unready(installation)
    ready = GaugeMetricFamily(
        WORKER_READY, "Whether a living MQTT worker gets on.", labels=("instance",)
    )
    families = {
        name: GaugeMetricFamily(metric, text, labels=("instance",))
        for name, metric, text in (
            ("batches", WORKER_BATCHES, "Batches handed over and not known to be committed."),
            ("oldest_batch", WORKER_OLDEST, "Age of the oldest of them."),
            ("pending_bytes", WORKER_PENDING, "Messages in memory, until they are committed."),
            ("pending_limit", WORKER_PENDING_LIMIT, "Bytes at which no socket is read any more."),
            (
                "reading_paused",
                WORKER_NOT_READ,
                "Links that are not read, because memory or their share is used up.",
            ),
            (
                "links_not_stored",
                WORKER_NOT_STORED,
                "Links with messages that are not being stored.",
            ),
            ("oldest_not_stored", WORKER_NOT_STORED_AGE, "Age of the oldest of those messages."),
            (
                "suspects",
                WORKER_SUSPECTS,
                "Links whose batches failed, and whose messages travel by themselves.",
            ),
            ("log_rows", WORKER_LOG_ROWS, "Log rows in memory that are not on their queue yet."),
            ("events", WORKER_EVENTS, "Events for browsers in memory."),
        )
    }
    for instance, lease in sorted(seen.leases.items()):
        ready.add_metric((instance,), float(instance not in faults))
        for name, family in families.items():
            family.add_metric((instance,), float(getattr(lease.vitals or Vitals(), name)))
    yield ready
    yield from families.values()


registry = CollectorRegistry(auto_describe=False)
registry.register(SitewireCollector())


def text() -> bytes:
    """The Prometheus text format."""
    return generate_latest(registry)
