"""What reconcile looks at: the rows, then the leases."""

import logging

import msgspec
import redis
from django.db.models import Exists, OuterRef

from mqtt_app.conf import config
from mqtt_app.coordination.leases import Lease, LeaseStore
from mqtt_app.domain.ownership import planner
from mqtt_app.models import MqttConnection, Site
from mqtt_app.services.ownership.bulk_writes import Seen
from mqtt_app.services.ownership.connection_rows import WANTED

_COLUMNS = (
    "is_active",
    "owner",
    "assigned_instance",
    "generation",
    "site_id",
    "retry_count",
    "status_since",
)


class FleetSnapshot(msgspec.Struct, frozen=True):
    """Which instances live; `instances` is None when that is not known.

    Not `complete`: one that is missing here may be alive, and `why` is the reason, to be logged at
    `level`.
    """

    instances: tuple[planner.Instance, ...] | None
    complete: bool
    why: str = ""
    level: int = logging.INFO

    @property
    def instance_ids(self) -> frozenset[str]:
        return frozenset(instance.id for instance in self.instances or ())


def seen_rows() -> list[Seen]:
    """Every connection that is wanted, owned or assigned."""
    site_active = Exists(Site.objects.filter(pk=OuterRef("site_id"), is_active=True))
    rows = MqttConnection.objects.annotate(site_active=site_active).exclude(
        ~WANTED, owner="", assigned_instance=""
    )
    return [
        Seen(
            planner.PlannedConnection(
                row.pk, row.is_active and row.site_active, row.owner, row.assigned_instance
            ),
            row.generation,
            row.site_id,
            row.retry_count,
            row.status_since,
        )
        for row in rows.only(*_COLUMNS).order_by("id")
    ]


def look(leases: LeaseStore) -> FleetSnapshot:
    try:
        live = leases.read_all()
        known_for = leases.known_for()
    except redis.RedisError as error:
        return FleetSnapshot(
            None,
            complete=False,
            why=f"Redis does not answer ({type(error).__name__})",
            level=logging.WARNING,
        )
    instances = tuple(_instance(lease) for lease in live.values())
    ttl = config().lease_ttl
    if known_for < ttl:
        return FleetSnapshot(
            instances,
            complete=False,
            why=f"leases are known for {known_for:.0f} s only, {ttl:.0f} s are needed",
        )
    return FleetSnapshot(instances, complete=True)


def _instance(lease: Lease) -> planner.Instance:
    return planner.Instance(lease.instance_id, lease.capacity, lease.draining, lease.started_at)
