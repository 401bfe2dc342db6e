"""What browsers hear of changes: each one by itself, or one word for many."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Literal

import msgspec
from django.db import transaction

from mqtt_app import events

MANY = 20  # changes of one kind at one site in one check; more are told as a number


class PresenceChange(msgspec.Struct, frozen=True):
    kind: Literal["gateway", "device"]
    id: int
    site_id: int
    status: str
    reason: str


def tell(changes: Sequence[PresenceChange]) -> None:
    """On commit. A site whose five hundred devices went out of sight is one event, not five
    hundred.
    """
    groups: defaultdict[tuple[int, str, str, str], list[PresenceChange]] = defaultdict(list)
    for change in changes:
        groups[change.site_id, change.kind, change.status, change.reason].append(change)
    for (site_id, kind, status, reason), group in groups.items():
        if len(group) > MANY:
            say = partial(
                events.devices_changed,
                site_id=site_id,
                kind=kind,
                count=len(group),
                status=status,
                reason=reason,
            )
            transaction.on_commit(say)
            continue
        for change in group:
            tell_one = partial(events.device_changed, kind=kind, status=status, reason=reason)
            transaction.on_commit(partial(tell_one, site_id=site_id, device_id=change.id))
