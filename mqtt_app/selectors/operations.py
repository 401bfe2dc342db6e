"""Operations as they are at this moment: those of links are judged by their connections' rows."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Max, Q, QuerySet

from mqtt_app.domain.operations import (
    OPEN,
    SWITCHES,
    ConnectionFacts,
    Judgement,
    OperationKind,
    Request,
    judge,
)
from mqtt_app.models import MqttConnection, Operation
from mqtt_app.selectors.visibility import Viewer

_FACTS = (
    "site_id",
    "is_active",
    "status",
    "status_since",
    "assigned_instance",
    "assigned_at",
    "owner",
    "owned_since",
    "connected_at",
    "error_class",
    "error_message",
    "error_at",
    "generation",
)


def visible_operations(viewer: Viewer, query: dict[str, Any]) -> QuerySet[Operation]:
    """Those of visible sites; those of no single site are for whoever asked, and for superusers."""
    return _asked_for(_visible(viewer), query)


def _visible(viewer: Viewer) -> QuerySet[Operation]:
    found = Operation.objects.defer("sealed")
    if viewer.site_ids is None:
        return found
    own = Q(site=None, user_id=viewer.user.pk)
    if viewer.principal.token is not None and viewer.principal.token.sites is not None:
        own = Q(pk__in=[])  # a token for some sites does not read about others
    return found.filter(Q(site__in=sorted(viewer.site_ids)) | own)


def _asked_for(found: QuerySet[Operation], query: dict[str, Any]) -> QuerySet[Operation]:
    names = {"site": "site", "kind": "kind", "state": "state"}
    return found.filter(**{names[name]: value for name, value in query.items() if name in names})


def as_of(operations: Sequence[Operation], now: datetime) -> list[Operation]:
    """Each with the state that its link shows now. Objects only; nothing is written."""
    links = [row for row in operations if row.kind in SWITCHES and row.state in OPEN]
    for operation, judgement in judgements(links, now):
        operation.state = judgement.state.value
        operation.timeline = msgspec.to_builtins(judgement.timeline)
        operation.finished_at = judgement.finished_at
        operation.error_class = judgement.error_class
        operation.error = judgement.error
        operation.observed_generation = judgement.generation
        operation.done = int(judgement.finished_at is not None)
    return list(operations)


def judgements(
    operations: Sequence[Operation], now: datetime
) -> Iterator[tuple[Operation, Judgement]]:
    """One query for any number of operations, none for none."""
    if not operations:
        return
    facts = _link_facts({row.site_id for row in operations if row.site_id is not None})
    for operation in operations:
        link = facts.get(operation.site_id or 0)
        if link is not None:
            request = Request(
                OperationKind(operation.kind), operation.created_at, operation.asked_by
            )
            yield operation, judge(request, link, now)


def _link_facts(site_ids: set[int]) -> dict[int, ConnectionFacts]:
    """By site id."""
    rows = MqttConnection.objects.filter(site__in=site_ids).order_by()
    found = rows.annotate(subscribed_at=Max("topics__granted_at")).values(*_FACTS, "subscribed_at")
    return {
        row.pop("site_id"): ConnectionFacts(is_wanted=row.pop("is_active"), **row) for row in found
    }
