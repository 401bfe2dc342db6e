"""What an owner reports about its link. Nothing is written unless the generation is still the caller's."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from mqtt_app.domain.grants import refusal
from mqtt_app.models import MqttConnection, MqttTopic
from mqtt_app.services.ownership.announce import announce


def held(connection_id: int, generation: int) -> QuerySet[MqttConnection]:
    """The row while it has an owner of this generation; otherwise no row."""
    return MqttConnection.objects.filter(pk=connection_id, generation=generation).exclude(owner="")


def since(status: str, now: datetime) -> Case:
    """`status_since` moves only when the status changes."""
    return Case(When(status=status, then=F("status_since")), default=Value(now))


def record_status(
    connection_id: int,
    generation: int,
    *,
    status: str,
    error_class: str = "",
    error_message: str = "",
    retry_count: int = 0,
    connected_at: datetime | None = None,
    negotiated_version: str = "",
) -> bool:
    """False when the connection has a newer owner: the caller must let the link go.

    `connected_at` is since when the link is up, None when it is down. An empty `negotiated_version` keeps the one that
    is remembered. Browsers hear of it when something that they show has changed.
    """
    visible = {"status": status, "error_class": error_class, "error_message": _storable(error_message)}
    quiet: dict[str, Any] = {"retry_count": retry_count, "connected_at": connected_at}
    if negotiated_version:
        quiet["negotiated_version"] = negotiated_version
    now = timezone.now()
    row = held(connection_id, generation)
    with transaction.atomic():
        changed = row.exclude(**visible).update(
            **visible, **quiet, status_since=since(status, now), error_at=now if error_message else None
        )
        if changed:
            announce([connection_id])
            return True
    return row.filter(Q(**visible)).update(**quiet) == 1


def record_grants(connection_id: int, generation: int, grants: Mapping[str, int]) -> bool:
    """`grants`: filter -> SUBACK code. False when nothing was written: a newer owner, or filters that are gone."""
    by_code: defaultdict[int, list[str]] = defaultdict(list)
    for name, code in grants.items():
        by_code[code].append(name)
    mine = Exists(MqttConnection.objects.filter(pk=OuterRef("connection_id"), generation=generation).exclude(owner=""))
    topics = MqttTopic.objects.filter(mine, connection_id=connection_id)
    now = timezone.now()
    written = [
        topics.filter(filter__in=names).update(granted_qos=code, granted_at=now, refusal=refusal(code))
        for code, names in by_code.items()
    ]
    return sum(written) > 0


def _storable(text: str) -> str:
    """A broker's words as PostgreSQL takes them: no NUL, no lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
