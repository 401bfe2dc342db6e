"""How the system itself is doing: what the health and metrics pages show."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Max, Sum

from mqtt_app.conf import config
from mqtt_app.coordination import keys
from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.leases import Lease, LeaseStore
from mqtt_app.domain.accounting import REPLAYABLE, SUMS, replayed_column
from mqtt_app.models import ConnectionStatus, MqttConnection, ParserHealth, SiteBooks

_REPLAYED = {term.value: replayed_column(term) for term in REPLAYABLE}


@dataclass(frozen=True, slots=True)
class SystemSnapshot:
    """What Redis knows. `refusal`: why Redis takes no writes, "" when it does; leases run out then though their workers
    live.
    """

    reachable: bool
    at: float
    leases: Mapping[str, Lease] = field(default_factory=dict)
    queues: Mapping[str, int] = field(default_factory=dict)
    refusal: str = ""
    memory: int = 0  # bytes that Redis uses
    memory_limit: int = 0  # bytes, 0 for none
    given_up: Mapping[str, int] = field(default_factory=dict)  # what -> how many were never told

    def lease_ages(self) -> dict[str, float]:
        return {
            name: round(max(0.0, self.at - lease.renewed_at), 1)
            for name, lease in sorted(self.leases.items())
        }


def pulse() -> SystemSnapshot:
    client = quick_client()
    try:
        store = LeaseStore(client, config().lease_ttl)
        leases = store.peek()
        depths = _queue_depths()
        why = refusal(client)
        memory = client.info("memory")
        given_up = client.hgetall(keys.GIVEN_UP)
    except redis.RedisError:
        return SystemSnapshot(False, time.time())
    lost = {
        what.decode(): int(number) for what, number in given_up.items() if isinstance(what, bytes)
    }
    return SystemSnapshot(
        reachable=True,
        at=time.time(),
        leases=leases,
        queues=depths,
        refusal=why,
        memory=memory["used_memory"],
        memory_limit=memory["maxmemory"],
        given_up=lost,
    )


def refusal(client: redis.Redis) -> str:
    """Why Redis takes no writes (its memory is used up, it is a replica, its disk is full), "" when
    it does.
    """
    try:
        client.set(keys.PROBE, b"1", px=1_000)
    except redis.ResponseError as error:
        return str(error)
    return ""


def orphans(seen: SystemSnapshot) -> int:
    """Connections that are wanted and that no living MQTT worker owns; a few, for a moment, are
    nothing to report.
    """
    wanted = MqttConnection.objects.filter(is_active=True, site__is_active=True)
    return wanted.exclude(owner__in=list(seen.leases)).count()


def _queue_depths() -> dict[str, int]:
    """Tasks waiting in each queue; kombu keeps a queue as a Redis list of its name."""
    names = [queue.name for queue in settings.CELERY_TASK_QUEUES]
    with quick_client().pipeline(transaction=False) as pipe:
        for name in names:
            pipe.llen(name)
        return dict(zip(names, pipe.execute(), strict=True))


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def pending_migrations() -> list[str] | None:
    """Names of migrations that were not applied; None when the database cannot tell."""
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return None
    return [str(migration) for migration, _ in plan]


def connection_counts() -> dict[tuple[bool, str], int]:
    """(wanted, stored status) -> connections, every status present."""
    counts = {(wanted, status): 0 for wanted in (True, False) for status in ConnectionStatus.values}
    rows = (
        MqttConnection.objects.order_by()
        .values_list("is_active", "site__is_active", "status")
        .annotate(Count("id"))
    )
    for active, site_active, status, number in rows:
        counts[active and site_active, status] += number
    return counts


def books_total() -> dict[str, float]:
    """The books of all sites added up, and `last_message_at` in unix seconds (0: none yet). `failed`
    and `quarantined` with what was replayed since: these numbers only grow.
    """
    found = SiteBooks.objects.aggregate(
        **{name: Sum(name) for name in (*SUMS, *_REPLAYED.values())}, last=Max("last_message_at")
    )
    last = found.pop("last")
    totals = {name: float(total or 0) for name, total in found.items()}
    for term, replayed in _REPLAYED.items():
        totals[term] += totals.pop(replayed)
    return totals | {"last_message_at": last.timestamp() if last else 0.0}


def books_of_sites() -> dict[int, dict[str, int]]:
    """Site id -> outcome -> messages; a drop stands as `dropped:reason`. `failed` and `quarantined`
    as in `books_total`.
    """
    return {row.site_id: _outcomes(row) for row in SiteBooks.objects.order_by("site_id").iterator()}


def _outcomes(row: SiteBooks) -> dict[str, int]:
    found = {name: getattr(row, name) for name in SUMS if name != "readings"}
    for term, replayed in _REPLAYED.items():
        found[term] += getattr(row, replayed)
    dropped = {f"dropped:{reason}": int(number) for reason, number in row.dropped.items()}
    return found | dropped


def paused_parsers() -> dict[str, int]:
    """Parser name -> sites where it is paused. A parser that failed once is there ever after, with
    0.
    """
    counted = ParserHealth.objects.order_by("parser_name").values("parser_name")
    counted = counted.annotate(sites=Count("id", filter=ParserHealth.PAUSED))
    return dict(counted.values_list("parser_name", "sites"))


def dropped_by_reason() -> dict[str, int]:
    """Messages given up before they could be stored, all sites together."""
    totals: dict[str, int] = {}
    for dropped in SiteBooks.objects.exclude(dropped={}).values_list("dropped", flat=True):
        for reason, number in dropped.items():
            totals[reason] = totals.get(reason, 0) + int(number)
    return totals
