"""MQTT workers as reconcile sees them: leases in Valkey, rows in PostgreSQL, no process."""

import itertools
import time
from datetime import datetime, timedelta
from typing import Any

import redis
from django.db import transaction
from django.utils import timezone

from mqtt_app.coordination import keys
from mqtt_app.coordination.leases import Lease, LeaseStore
from mqtt_app.domain.link.connection_config import ConnectionConfig, LinkStatus
from mqtt_app.domain.ownership.claims import LinkKey, WrittenStatuses
from mqtt_app.models import MqttConnection, Site
from mqtt_app.services import ownership
from mqtt_app.services.ownership import ReconcileReport

_numbers = itertools.count(1)


class LongUp(LeaseStore):
    """The tests' Valkey is seconds old; only the mark of the last wipe counts here."""

    def known_for(self) -> float:
        since: Any = self._client.get(keys.KNOWN_SINCE)
        return 0.0 if since is None else time.time() - float(since)


class Fleet:
    def __init__(self, client: redis.Redis) -> None:
        self.client, self.leases = client, LongUp(client, ttl=60)

    def settle(self) -> None:
        """As if the leases had been known for an hour."""
        self.client.set(keys.KNOWN_SINCE, str(time.time() - 3600))

    def join(
        self, name: str, capacity: int = 100, age: float = 3600, draining: bool = False
    ) -> Lease:
        lease = Lease(
            name, f"start of {name}", capacity, draining=draining, started_at=time.time() - age
        )
        assert self.leases.acquire(lease)
        self.settle()
        return lease

    def leave(self, name: str) -> None:
        self.client.delete(keys.instance(name))

    def reconcile(self, now: datetime | None = None) -> ReconcileReport:
        return ownership.reconcile(now or timezone.now(), self.leases)

    def reconcile_if_needed(self) -> ReconcileReport | None:
        return ownership.reconcile_if_needed(timezone.now(), self.leases)

    def needs_reconcile(self) -> bool:
        """Whether an MQTT worker would reconcile; nothing is changed by asking."""
        with transaction.atomic():
            report = self.reconcile_if_needed()
            transaction.set_rollback(True)
        return report is not None


def connection(is_active: bool = True, **values: Any) -> MqttConnection:
    site = Site.objects.create(name=f"site {next(_numbers)}")
    return MqttConnection.objects.create(
        site=site, is_active=is_active, broker_host="broker.example", **values
    )


def owned(name: str, **values: Any) -> MqttConnection:
    """A connection that is up in the hands of `name`."""
    return connection(
        assigned_instance=name, owner=name, generation=1, status="connected", **values
    )


def fresh(row: MqttConnection) -> MqttConnection:
    return MqttConnection.objects.select_related("site").get(pk=row.pk)


def take(row: MqttConnection, name: str) -> ConnectionConfig | None:
    return ownership.claim(row.pk, name, fresh(row).generation)


def say(row: MqttConnection, generation: int, **status: Any) -> WrittenStatuses:
    return ownership.record_statuses({LinkKey(row.pk, generation): LinkStatus(**status)})


def ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def let_go(row: MqttConnection, name: str, generation: int) -> bool:
    before = fresh(row).owner
    ownership.release_all({row.pk: generation}, name)
    return fresh(row).owner != before
