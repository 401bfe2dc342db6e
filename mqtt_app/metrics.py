"""Every metric and its name, read when somebody asks; nothing is counted twice and no process has to be found."""

from collections.abc import Iterable, Iterator

from django.db import DatabaseError
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mqtt_app.selectors.system import (
    BOOKS,
    Pulse,
    books_total,
    connection_counts,
    dropped_by_reason,
    paused_parsers,
    pulse,
)

UP = "sitewire_up"
CONNECTIONS = "sitewire_connections"
MESSAGES = "sitewire_messages"
KEPT = "sitewire_messages_kept"
PARSERS_PAUSED = "sitewire_parsers_paused"
READINGS = "sitewire_readings"
LAST_MESSAGE = "sitewire_last_message_timestamp_seconds"
WORKERS = "sitewire_mqtt_workers"
LEASE_AGE = "sitewire_mqtt_worker_lease_age_seconds"
WORKER_LOAD = "sitewire_mqtt_worker_connections"
WORKER_CAPACITY = "sitewire_mqtt_worker_capacity"
QUEUE_DEPTH = "sitewire_queue_depth"
RECONCILE_AGE = "sitewire_reconcile_age_seconds"


class SitewireCollector(Collector):
    """A part that does not answer says so in `sitewire_up`, and the rest is shown all the same."""

    def collect(self) -> Iterable[Metric]:
        seen = pulse()
        try:
            stored = list(_stored())
        except DatabaseError:
            stored = []
        up = GaugeMetricFamily(UP, "Whether a part answers (1) or not (0).", labels=("part",))
        up.add_metric(("redis",), float(seen.reachable))
        up.add_metric(("database",), float(bool(stored)))
        return [up, *stored, *(_live(seen) if seen.reachable else ())]


def _stored() -> Iterator[Metric]:
    connections = GaugeMetricFamily(CONNECTIONS, "Connections by wish and stored status.", labels=("wanted", "status"))
    for (wanted, status), number in connection_counts().items():
        connections.add_metric((str(wanted).lower(), status), number)
    yield connections
    books = books_total()
    messages = CounterMetricFamily(MESSAGES, "Messages by what became of them, all sites.", labels=("outcome",))
    for outcome in BOOKS:
        if outcome not in {"readings", "kept"}:
            messages.add_metric((outcome,), books[outcome])
    for reason, number in dropped_by_reason().items():
        messages.add_metric((f"dropped:{reason}",), number)
    yield messages
    yield GaugeMetricFamily(KEPT, "Messages that wait raw until their parser works again.", value=books["kept"])
    paused = GaugeMetricFamily(PARSERS_PAUSED, "Sites where a parser fails on most messages.", labels=("parser",))
    for name, sites in paused_parsers().items():
        paused.add_metric((name,), sites)
    yield paused
    yield CounterMetricFamily(READINGS, "Readings stored, all sites.", value=books["readings"])
    yield GaugeMetricFamily(LAST_MESSAGE, "When the last message of any site arrived.", value=books["last_message_at"])


def _live(seen: Pulse) -> Iterator[Metric]:
    yield GaugeMetricFamily(WORKERS, "MQTT workers with a lease.", value=len(seen.leases))
    ages = GaugeMetricFamily(LEASE_AGE, "Since the last renewal.", labels=("instance",))
    load = GaugeMetricFamily(WORKER_LOAD, "Connections an MQTT worker owns.", labels=("instance",))
    capacity = GaugeMetricFamily(WORKER_CAPACITY, "Connections an MQTT worker accepts.", labels=("instance",))
    for instance, age in seen.lease_ages().items():
        ages.add_metric((instance,), age)
        load.add_metric((instance,), seen.leases[instance].load)
        capacity.add_metric((instance,), seen.leases[instance].capacity)
    depths = GaugeMetricFamily(QUEUE_DEPTH, "Tasks waiting.", labels=("queue",))
    for queue, depth in seen.queues.items():
        depths.add_metric((queue,), depth)
    yield from (ages, load, capacity, depths)
    if seen.reconcile_age is not None:
        yield GaugeMetricFamily(RECONCILE_AGE, "Since the last finished reconcile.", value=seen.reconcile_age)


registry = CollectorRegistry(auto_describe=False)
registry.register(SitewireCollector())


def text() -> bytes:
    """The Prometheus text format."""
    return generate_latest(registry)
