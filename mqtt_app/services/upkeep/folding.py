"""What is known of topics that share a row: forgotten in time, and judged by those who come back."""

from datetime import datetime, timedelta

from django.db import connection

from mqtt_app.domain.audit import Actor, Source
from mqtt_app.domain.ingest.folding import Member, are_things
from mqtt_app.logging_utils import log_connection_event
from mqtt_app.models import DiscoveredTopic, FoldedMember, LogLevel
from mqtt_app.services import audit, topics

MEMBERS_FOR = timedelta(days=7)  # after a member was last heard
JUDGED = 500  # members of a row that are looked at, those that were met first
CHUNK = 10_000  # rows of one delete
_FORGET = """
DELETE FROM mqtt_foldedmember WHERE id IN (
    SELECT id FROM mqtt_foldedmember WHERE last_seen < %s LIMIT %s
)
"""
_THINGS = (
    "Topics like {template} come back, so they have rows of their own from now on. What was decided"
    " about them together holds for each."
)


def unfold_things(now: datetime) -> int:
    """Rows whose members come back stand for them no longer. Gives their number."""
    found = 0
    for row in DiscoveredTopic.objects.filter(is_folding=True).order_by("id"):
        if are_things(_members(row), now.timestamp()):
            found += 1
            _unfold(row)
    return found


def forget_members(now: datetime) -> int:
    """Gives their number. They stay counted; one that is heard again is counted again."""
    removed = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_FORGET, [now - MEMBERS_FOR, CHUNK])
            number = int(cursor.rowcount)
        removed += number
        if number < CHUNK:
            return removed


def _members(row: DiscoveredTopic) -> list[Member]:
    first = FoldedMember.objects.filter(topic=row).order_by("id")[:JUDGED]
    return [
        Member(str(member.member), member.first_seen.timestamp(), member.last_seen.timestamp())
        for member in first
    ]


def _unfold(row: DiscoveredTopic) -> None:
    with audit.acting_as(Actor(Source.SYSTEM)):
        topics.set_folding(row, is_folding=False)
    text = _THINGS.format(template=row.topic[:200])
    log_connection_event(row.connection, LogLevel.INFO, text)
