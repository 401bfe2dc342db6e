"""Changes of presence, as browsers get them: each by itself, or one event for many."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import msgspec
from django.db import transaction

from mqtt_app import events
from mqtt_app.services.presence.rows import Kind

MANY = 20  # changes of one kind at one site in one check; more are published as a number


class PresenceChange(msgspec.Struct, frozen=True):
    kind: Kind
    id: int
    site_id: int
    status: str
    reason: str


def publish(changes: Sequence[PresenceChange]) -> None:
    """On commit. A site whose five hundred devices went out of sight is one event, not five
    hundred.
    """
    if changes:
        transaction.on_commit(partial(_publish, changes))


def _publish(changes: Sequence[PresenceChange]) -> None:
    groups: defaultdict[tuple[int, str, str, str], list[PresenceChange]] = defaultdict(list)
    for change in changes:
        groups[change.site_id, change.kind, change.status, change.reason].append(change)
    for group in groups.values():
        if len(group) > MANY:
            _publish_number(group[0], len(group))
        else:
            for change in group:
                _publish_change(change)


def _publish_number(change: PresenceChange, count: int) -> None:
    events.devices_changed(
        site_id=change.site_id,
        kind=change.kind,
        count=count,
        status=change.status,
        reason=change.reason,
    )


def _publish_change(change: PresenceChange) -> None:
    events.device_changed(
        site_id=change.site_id,
        device_id=change.id,
        kind=change.kind,
        status=change.status,
        reason=change.reason,
    )
