"""The only writer of the audit trail. Called within the transaction of the change that it records.

Who acts is set once at the edge (middleware, token authentication, manage.py) and travels in a context
variable, so that a service does not hand it through; without one it is the command line.
"""

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db.models import Model
from django.utils import timezone

from mqtt_app.domain.audit import Actor, Source, changes_between
from mqtt_app.models import AuditEntry

_actor: ContextVar[Actor | None] = ContextVar("audit_actor", default=None)


def set_actor(actor: Actor | None) -> None:
    """For the rest of this request or command."""
    _actor.set(actor)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def current_actor() -> Actor:
    return _actor.get() or Actor(Source.COMMAND, user_name=_account())


def record(
    action: str,
    subject: Model | None = None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    site_id: int | None = None,
) -> None:
    """Add one entry: what was done (`created`, `changed`, `started`, ...) to which object.

    `before` and `after` hold the values of the fields concerned, as JSON can hold them.
    """
    actor = current_actor()
    AuditEntry.objects.create(
        at=timezone.now(),
        source=actor.source.value,
        user_id=actor.user_id,
        user_name=actor.user_name[:200],
        token_name=actor.token_name[:100],
        address=actor.address,
        action=action,
        object_type="" if subject is None else subject._meta.model_name or "",
        object_id="" if subject is None else str(subject.pk)[:60],
        object_label="" if subject is None else str(subject)[:200],
        site_id=site_id,
        changes=changes_between(before or {}, after or {}),
    )


def _account() -> str:
    """The operating system's name of whoever runs this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"
