"""The raw messages of failing parsers: written, moved between states, read in order."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection

from mqtt_app.conf import config
from mqtt_app.domain.messages import Envelope
from mqtt_app.domain.samples import storable
from mqtt_app.models import KeptMessage, KeptState
from mqtt_app.services.ingest_books import Failure, Tally
from mqtt_app.services.parser_health import Scope
from mqtt_app.services.pg_columns import blobs, booleans, microseconds, numbers, texts

MAX_ERROR = 500  # characters
LATE = 60.0  # s after the decision in which batches may still commit that did not know of it

_INSERT = """
INSERT INTO mqtt_keptmessage
    (state, created_at, tries, site_id, connection_id, topic, payload, qos, retain, received_at, parser_name, error)
SELECT %s, %s, 0, v.site_id, v.connection_id, v.topic, v.payload, v.qos, v.retain,
       to_timestamp(v.received_at / 1e6::float8), v.parser_name, v.error
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bytea[], %s::smallint[], %s::bool[], %s::bigint[], %s::text[],
            %s::text[]) WITH ORDINALITY
    AS v(site_id, connection_id, topic, payload, qos, retain, received_at, parser_name, error, position)
ORDER BY v.position
"""
_MOVE = """
WITH moved AS (
    UPDATE mqtt_keptmessage k SET state = %s
    WHERE k.site_id = %s AND k.parser_name = %s AND k.state = 'failed' AND k.tries = 0
        AND k.created_at BETWEEN %s AND %s
    RETURNING octet_length(k.payload) AS size
)
SELECT count(*), coalesce(sum(size), 0) FROM moved
"""

_ASK = """
WITH before AS (
    SELECT id, site_id, state, octet_length(payload) AS size FROM mqtt_keptmessage WHERE id = ANY(%s)
    ORDER BY id FOR UPDATE
), asked AS (UPDATE mqtt_keptmessage k SET state = 'again' FROM before WHERE k.id = before.id)
SELECT site_id, state, count(*), sum(size) FROM before GROUP BY site_id, state
"""
_SPREAD = """
SELECT id FROM (
    SELECT id, row_number() OVER (ORDER BY id) AS position, count(*) OVER () AS total FROM mqtt_keptmessage
    WHERE site_id = %s AND parser_name = %s AND state = %s
) AS numbered WHERE position %% greatest(total / %s, 1) = 0 LIMIT %s
"""


def insert(failures: Sequence[Failure], state: KeptState, now: datetime) -> None:
    if not failures:
        return
    messages = [failure.message for failure in failures]
    columns = [
        numbers(message.site_id for message in messages),
        numbers(message.connection_id for message in messages),
        texts(storable(message.topic) for message in messages),
        blobs(message.payload for message in messages),
        numbers(message.qos for message in messages),
        booleans(message.retain for message in messages),
        numbers(microseconds(message.received_at) for message in messages),
        texts(failure.parser_name for failure in failures),
        texts(storable(str(failure.error))[:MAX_ERROR] for failure in failures),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [state, now, *columns])


def adopt(scope: Scope, state: KeptState, since: datetime, until: datetime, tally: Tally) -> int:
    """What this parser failed on between these times is kept after all; moved in the books too. Gives their number."""
    site_id, name = scope
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [state, site_id, name, since, until])
        count, size = cursor.fetchone()
    if count:
        tally.add(site_id, "failed", -count)
        tally.keep(site_id, count, int(size))
    return int(count)


def adopt_before(scope: Scope, paused_since: datetime, until: datetime, tally: Tally) -> int:
    """The failures that led to a pause: those of the two windows before it, and of batches that did not know yet."""
    since = paused_since - timedelta(seconds=2 * config().parser_window)
    return adopt(scope, KeptState.KEPT, since, until + timedelta(seconds=LATE), tally)


def ask_for(ids: Iterable[int], tally: Tally) -> int:
    """To be parsed, because somebody asks for it. Gives their number."""
    total = 0
    with connection.cursor() as cursor:
        cursor.execute(_ASK, [list(ids)])
        for site_id, state, count, size in cursor.fetchall():
            total += count
            if state == KeptState.FAILED:
                tally.add(site_id, "failed", -count)
                tally.keep(site_id, count, int(size))
    return total


def release(scopes: Collection[Scope]) -> None:
    """To be parsed: everything that is kept of parsers other than these, which are paused."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE mqtt_keptmessage k SET state = 'due' WHERE k.state = 'kept' AND (k.site_id, k.parser_name) NOT IN"
            " (SELECT * FROM unnest(%s::bigint[], %s::text[]))",
            [numbers(site_id for site_id, _ in scopes), texts(name for _, name in scopes)],
        )


def take_due(limit: int) -> list[KeptMessage]:
    """The next ones to parse, in the order in which they came; locked until the end of the transaction."""
    due = KeptMessage.objects.filter(state__in=(KeptState.DUE, KeptState.AGAIN))
    return list(due.select_for_update(skip_locked=True).order_by("tries", "id")[:limit])


def sample(scope: Scope, state: KeptState, size: int) -> list[KeptMessage]:
    """Up to `size` of them, evenly spread over the time in which they came."""
    with connection.cursor() as cursor:
        cursor.execute(_SPREAD, [*scope, state, size, size])
        ids = [row[0] for row in cursor.fetchall()]
    return list(KeptMessage.objects.filter(pk__in=ids).order_by("id"))


def prune(now: datetime) -> None:
    """Bytes of failed messages go after a while, or when newer ones of their site need the room."""
    before = now - timedelta(seconds=config().failed_retention)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM mqtt_keptmessage WHERE state = 'failed' AND created_at < %s", [before])
        cursor.execute(
            "SELECT site_id FROM mqtt_keptmessage WHERE state = 'failed' GROUP BY site_id HAVING count(*) > %s",
            [config().failed_messages],
        )
        for (site_id,) in cursor.fetchall():
            cursor.execute(
                "DELETE FROM mqtt_keptmessage WHERE state = 'failed' AND site_id = %s AND id <= (SELECT id FROM"
                " mqtt_keptmessage WHERE state = 'failed' AND site_id = %s ORDER BY id DESC OFFSET %s LIMIT 1)",
                [site_id, site_id, config().failed_messages],
            )


def envelopes(rows: Iterable[KeptMessage]) -> list[Envelope]:
    """As they came, but for the link: `packet_id` is the row's id."""
    return [
        Envelope(
            connection_id=row.connection_id,
            site_id=row.site_id,
            generation=0,
            epoch=0,
            packet_id=row.pk,
            topic=row.topic,
            payload=bytes(row.payload),
            qos=row.qos,
            retain=row.retain,
            dup=False,
            received_at=row.received_at.timestamp(),
        )
        for row in rows
    ]
