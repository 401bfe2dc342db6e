"""The only writer of the audit trail. Called within the transaction of the change that it records.

Who acts is set once at the edge (middleware, manage.py) and travels in a context variable, so that
a service does not hand it through; without one it is the command line.
"""

import os
import pwd
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from mqtt_app.domain.audit import Actor, Source, Who, as_json, changes_between, is_secret, several
from mqtt_app.models import AuditEntry, MqttConnection, Site

_actor: ContextVar[Who | None] = ContextVar("audit_actor", default=None)
_recorded: ContextVar[int] = ContextVar("audit_recorded", default=0)

_PRUNE = """
DELETE FROM mqtt_auditentry
WHERE id = ANY(ARRAY(SELECT id FROM mqtt_auditentry WHERE at < %s ORDER BY at LIMIT %s))
"""


class Named(NamedTuple):
    pk: Any
    label: str = ""


def set_actor(actor: Who | None) -> None:
    """For the rest of this request or command."""
    _actor.set(actor)


@contextmanager
def acting_as(actor: Who) -> Iterator[None]:
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def current_actor() -> Actor:
    who = _actor.get()
    if who is None:
        return Actor(Source.COMMAND, user_name=_account())
    return who if isinstance(who, Actor) else who()


def record(
    action: str,
    subject: Model | None = None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
    site_id: int | None = None,
) -> None:
    """Add one entry: what was done (`created`, `changed`, `started`, ...) to which object.

    `before` and `after` hold the values of the fields concerned, `details` what is no field. The
    site is that of the object, unless it is named.
    """
    columns = {}
    if subject is not None:
        columns["object_type"] = subject._meta.model_name or ""
        columns["object_id"] = _id(subject, subject.pk)
        columns["object_label"] = str(subject)
    if site_id is None:
        site_id = _site_of(subject)
    changes = changes_between(before or {}, after or {}) | as_json(details or {})
    _add(action, site_id=site_id, changes=changes, **columns)


def record_created(subject: Model) -> None:
    record("created", subject, after=values_of(subject))


def record_deleted(subject: Model) -> None:
    """Called before the row goes, while it has an id."""
    record("deleted", subject, before=values_of(subject))


def record_many(
    action: str,
    model: type[Model],
    ids: Collection[Any],
    *,
    details: Mapping[str, Any] | None = None,
    site_id: int | None = None,
) -> None:
    """One entry for one decision about many objects; their ids are bounded, their number is not."""
    number = len(ids)
    if number == 1:
        name = model._meta.verbose_name
        object_id = _id(model, next(iter(ids)))
    else:
        name = model._meta.verbose_name_plural
        object_id = ""
    _add(
        action,
        object_type=model._meta.model_name or "",
        object_id=object_id,
        object_label=f"{number:,} {name}",
        site_id=site_id,
        changes=as_json({"count": number, **(details or {})})
        | {"ids": several(_id(model, pk) for pk in ids)},
    )


def record_by_site(action: str, model: type[Model], ids: Iterable[int]) -> None:
    """`record_many` for each site that these rows belong to, so that its members read their own
    part.

    `model` has a `site` or a `connection`. Of a single object the label is in the entry.
    """
    record_groups(action, model, by_site(model, ids))


def record_groups(
    action: str, model: type[Model], groups: Mapping[int | None, Sequence[Named]]
) -> None:
    """For what is gone by now: `groups` is from `by_site`, before."""
    for site_id, rows in groups.items():
        details = {"label": rows[0].label} if len(rows) == 1 else {}
        record_many(action, model, [row.pk for row in rows], details=details, site_id=site_id)


def by_site(model: type[Model], ids: Iterable[Any]) -> dict[int | None, list[Named]]:
    """These rows by the site that they belong to, None for what belongs to none. Named only if it
    is a single row.
    """
    names = {field.name for field in model._meta.concrete_fields}
    paths = {"site": "site_id", "connection": "connection__site_id"}
    path = next((path for name, path in paths.items() if name in names), None)
    rows = model._default_manager.filter(pk__in=list(ids)).order_by("pk")
    found = (
        [(pk, None) for pk in rows.values_list("pk", flat=True)]
        if path is None
        else rows.values_list("pk", path)
    )
    groups: dict[int | None, list[Named]] = {}
    for pk, site_id in found:
        groups.setdefault(site_id, []).append(Named(pk))
    return {site_id: _named(model, group) for site_id, group in groups.items()}


def recorded() -> int:
    """How many entries this request or command has added. An edge sees by it whether a service
    recorded its change.
    """
    return _recorded.get()


def values_of(subject: Model, names: Iterable[str] | None = None) -> dict[str, Any]:
    """Values of these fields; without names, those that people edit and that are not empty.

    A foreign key is its id. A secret that was not loaded is not fetched for this.
    """
    if names is not None:
        return {name: _value(subject, name) for name in names}
    hidden = {name for name in subject.get_deferred_fields() if is_secret(name)}
    edited = (
        field.name
        for field in subject._meta.concrete_fields
        if field.editable and not field.primary_key
    )
    values = {name: _value(subject, name) for name in edited if name not in hidden}
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def prune(before: datetime, chunk: int) -> int:
    """Remove up to `chunk` of the entries older than `before`; gives their number.

    The table refuses every other DELETE (see its migration): the setting holds for this transaction
    only, and for entries that are older.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('sitewire.audit_prune_before', %s, true)", [before.isoformat()]
        )
        cursor.execute(_PRUNE, [before, chunk])
        removed: int = cursor.rowcount
        cursor.execute("SELECT set_config('sitewire.audit_prune_before', '', true)")
    return removed


_LENGTHS = {"object_type": 60, "object_id": 60, "object_label": 200}


def _add(action: str, **columns: Any) -> None:
    actor = current_actor()
    for name, limit in _LENGTHS.items():
        if name in columns:
            columns[name] = columns[name][:limit]
    AuditEntry.objects.create(
        at=timezone.now(),
        source=actor.source.value,
        user_id=actor.user_id,
        user_name=actor.user_name[:200],
        token_name=actor.token_name[:100],
        address=actor.address,
        action=action,
        **columns,
    )
    _recorded.set(_recorded.get() + 1)


def _named(model: type[Model], group: list[Named]) -> list[Named]:
    if len(group) > 1:
        return group
    secrets = [
        field.name
        for field in model._meta.concrete_fields
        if is_secret(field.name) and not field.primary_key
    ]
    return [Named(group[0].pk, str(model._default_manager.defer(*secrets).get(pk=group[0].pk)))]


def _id(model: Model | type[Model], pk: Any) -> str:
    """A token's id is its digest."""
    return "(not shown)" if is_secret(model._meta.pk.name) else str(pk)


def _value(subject: Model, name: str) -> Any:
    field = subject._meta.get_field(name)
    value = getattr(subject, getattr(field, "attname", name))
    return value if is_secret(name) else as_json(value)


def _site_of(subject: Model | None) -> int | None:
    if isinstance(subject, Site):
        return subject.pk
    site_id: int | None = getattr(subject, "site_id", None)
    connection_id = getattr(subject, "connection_id", None)
    if site_id is None and connection_id is not None:
        site_id = (
            MqttConnection.objects.filter(pk=connection_id)
            .values_list("site_id", flat=True)
            .first()
        )
    return site_id


def _account() -> str:
    """The operating system's name of whoever runs this. By the process, because variables can be
    set to anything.
    """
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER", "") if name == "root" else ""
    return f"{name} (sudo by {behind})" if behind else name
