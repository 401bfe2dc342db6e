"""The only writers of sites and of what operators want from a connection.

They write values, never `owner` or `status`: those belong to the owning instance. Every wish is a
conditional UPDATE. The workers hear of it by a nudge after the commit; without the nudge they find
it on their next scan.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from mqtt_app import events
from mqtt_app.coordination.nudges import nudge
from mqtt_app.domain.operations import OperationKind, Request
from mqtt_app.models import Device, Gateway, MqttConnection, Operation, Site
from mqtt_app.selectors.connections import SECRETS, legible, without_secrets
from mqtt_app.services import audit, removal
from mqtt_app.services.operations.requests import begin_switch, supersede_open
from mqtt_app.services.operations.settle import settle

log = logging.getLogger(__name__)

User = AbstractBaseUser | AnonymousUser

TOLD_ONLY = frozenset({"broker_queue_limit"})
"""What an operator tells us about the broker; no link is made anew for it."""


_PARTICIPLES = {
    OperationKind.START: "started",
    OperationKind.STOP: "stopped",
    OperationKind.RESTART: "restarted",
}
KINDS = {True: OperationKind.START, False: OperationKind.STOP}


@dataclass(frozen=True, slots=True)
class Changed:
    """The wish was written; `connection` is as it was before, but for `is_active`."""

    connection: MqttConnection
    operation: Operation


@dataclass(frozen=True, slots=True)
class Unchanged:
    """It was so already."""

    connection: MqttConnection


def start(connection: MqttConnection, user: User) -> Changed | Unchanged:
    return _switch(connection, user, to=True)


def stop(connection: MqttConnection, user: User) -> Changed | Unchanged:
    return _switch(connection, user, to=False)


def _switch(connection: MqttConnection, user: User, *, to: bool) -> Changed | Unchanged:
    """Of two at once, one finds the row as it was and changes it; the other one changes nothing."""
    with transaction.atomic():
        rows = MqttConnection.objects.filter(pk=connection.pk, is_active=not to)
        changed = rows.update(is_active=to)
        connection.is_active = to
        if not changed:
            return Unchanged(connection)
        audit.record("started" if to else "stopped", connection)
        operation = begin_switch(KINDS[to], connection.site_id)
        settle([connection.site_id], operation.created_at)
        _tell(connection)
    log.info("[Site %s] %s by %s", connection.site_id, "started" if to else "stopped", user.pk)
    return Changed(connection, operation)


def restart(connection: MqttConnection, user: User) -> Changed:
    """Ask for a new link with the same settings; a connection that is stopped is started."""
    with transaction.atomic():
        MqttConnection.objects.filter(pk=connection.pk).update(
            is_active=True, restarts=F("restarts") + 1, config_version=F("config_version") + 1
        )
        connection.is_active = True
        audit.record("restarted", connection)
        operation = begin_switch(OperationKind.RESTART, connection.site_id)
        _tell(connection)
    log.info("[Site %s] restarted by %s", connection.site_id, user.pk)
    return Changed(connection, operation)


@dataclass(frozen=True, slots=True)
class SwitchedMany:
    """Ids of the sites whose wish was written, how many had it already, and site id -> error."""

    changed: list[int]
    unchanged: int
    errors: dict[int, str]


def switch_many(site_ids: Collection[int], request: Request) -> SwitchedMany:
    """Start, stop or restart the links of these sites. Call it in a transaction."""
    found = MqttConnection.objects.select_for_update(no_key=True).filter(site__in=site_ids)
    rows = list(found.defer(*SECRETS).order_by("id"))
    to = request.kind is not OperationKind.STOP
    renewed = request.kind is OperationKind.RESTART
    changed = [row for row in rows if renewed or row.is_active != to]
    values: dict[str, Any] = {"is_active": to}
    if renewed:
        values |= {"restarts": F("restarts") + 1, "config_version": F("config_version") + 1}
    ids = [row.pk for row in changed]
    MqttConnection.objects.filter(pk__in=ids).update(**values)
    audit.record_by_site(_PARTICIPLES[request.kind], MqttConnection, ids)
    supersede_open([row.site_id for row in changed], request)
    for row in changed:
        row.is_active = to
        transaction.on_commit(partial(_publish, row))
    transaction.on_commit(nudge)
    missing = sorted(set(site_ids) - {row.site_id for row in rows})
    errors = {site_id: f"Site {site_id} has no connection, or is gone." for site_id in missing}
    return SwitchedMany([row.site_id for row in changed], len(rows) - len(changed), errors)


def create_site(values: dict[str, Any]) -> Site:
    return add_site(Site(**values))


def add_site(site: Site) -> Site:
    with transaction.atomic():
        site.save(force_insert=True)
        audit.record_created(site)
    return site


def save_site(site: Site, fields: Collection[str]) -> Site:
    """Write the named fields of `site`. Switching it off or on reaches its connection like stop and
    start.
    """
    if not fields:
        return site
    with transaction.atomic():
        stored = Site.objects.select_for_update().get(pk=site.pk)
        before = audit.values_of(stored, fields)
        site.save(update_fields=fields)
        after = audit.values_of(site, fields)
        if before != after:
            audit.record("changed", site, before=before, after=after)
        if "silence_after" in fields:
            _expect_again(site)
        connection = MqttConnection.objects.filter(site=site).first()
        if connection and stored.is_active != site.is_active:
            _tell(connection)
    return site


def capture(site: Site, minutes: int) -> datetime | None:
    """Keep messages that no parser reads for so many minutes from now; 0 ends it. Gives until when."""
    site.capture_until = None
    if minutes:
        site.capture_until = timezone.now() + timedelta(minutes=minutes)
    save_site(site, ["capture_until"])
    return site.capture_until


def _expect_again(site: Site) -> None:
    """The site's silence limit is due for everyone who has none of their own."""
    due = F("last_seen") + timedelta(seconds=site.silence_after)
    for model in (Device, Gateway):
        without_own = model.objects.filter(site=site, silence_after=None, described_silence=None)
        without_own.filter(due_at__isnull=False).update(due_at=due)


def delete_site(site: Site) -> None:
    removal.remove(Site.objects.filter(pk=site.pk).delete, partial(audit.record_deleted, site))
    transaction.on_commit(nudge)


def create_connection(site: Site, values: dict[str, Any]) -> MqttConnection:
    """Raises IntegrityError when the site has one already."""
    return add_connection(MqttConnection(site=site, **values))


def add_connection(connection: MqttConnection) -> MqttConnection:
    """Insert a new row. Raises IntegrityError when its site has one already."""
    with transaction.atomic():
        connection.save(force_insert=True)
        audit.record_created(connection)
        _tell(connection)
    return connection


def save_connection(connection: MqttConnection, fields: Collection[str]) -> MqttConnection:
    """Write the named fields; a running link is made anew only when something it notices has
    another value now, which the database finds out by itself.

    Gives the row as it is afterwards. Fields that were not named keep what others wrote meanwhile.
    """
    with transaction.atomic():
        stored = (
            without_secrets()
            .select_for_update(of=("self",))
            .select_related("site")
            .get(pk=connection.pk)
        )
        values = {name: getattr(connection, name) for name in fields}
        changed = {name: value for name, value in values.items() if legible(stored, name) != value}
        if not changed:
            return stored
        audit.record(
            "changed",
            stored,
            before={name: legible(stored, name) for name in changed},
            after=changed,
        )
        MqttConnection.objects.filter(pk=stored.pk).update(**changed, updated_at=timezone.now())
        for name, value in changed.items():
            setattr(stored, name, value)
        stored.refresh_from_db(fields=("config_version", "negotiated_version", "updated_at"))
        transaction.on_commit(nudge)
    return stored


def delete_connection(connection: MqttConnection) -> None:
    """Its worker finds the row gone on its next scan, and closes the link."""
    rows = MqttConnection.objects.filter(pk=connection.pk)
    removal.remove(rows.delete, partial(audit.record_deleted, connection))
    transaction.on_commit(nudge)


def _tell(connection: MqttConnection) -> None:
    """Browsers get the news of the wish, workers a nudge."""

    transaction.on_commit(nudge)
    transaction.on_commit(partial(_publish, connection))


def _publish(connection: MqttConnection) -> None:
    events.connection_changed(
        site_id=connection.site_id,
        status=connection.status,
        is_active=connection.is_active,
        error_class=connection.error_class,
        error_message=connection.error_message,
    )
