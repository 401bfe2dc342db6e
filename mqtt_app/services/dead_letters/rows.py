"""The raw messages of failing parsers: written, moved between states, read in order."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Func, QuerySet

from mqtt_app.conf import config
from mqtt_app.domain.accounting import Term
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.ingest.samples import storable
from mqtt_app.models import KeptMessage, KeptState, ParserHealth
from mqtt_app.models.locks import KEPT_LOCK
from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.dead_letters.parsing_log import ParseFailure
from mqtt_app.services.postgres.columns import blobs, booleans, microseconds, numbers, texts

MAX_ERROR = 500  # characters
MAX_TRIES = 32_767  # what the column holds
SAMPLE = 20  # messages of a trial
LATE = 60.0  # s after the decision in which batches may still commit that did not know of it

_INSERT = """
INSERT INTO mqtt_keptmessage
    (state, created_at, tries, site_id, connection_id, topic, payload, qos, retain, received_at,
     parser_name, error)
SELECT %s, %s, 0, v.site_id, v.connection_id, v.topic, v.payload, v.qos, v.retain,
       to_timestamp(v.received_at / 1e6::float8), v.parser_name, v.error
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bytea[], %s::smallint[], %s::bool[],
            %s::bigint[], %s::text[],
            %s::text[]) WITH ORDINALITY
    AS v(site_id, connection_id, topic, payload, qos, retain, received_at, parser_name, error,
        position)
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
    SELECT id, site_id, state, octet_length(payload) AS size FROM mqtt_keptmessage
    WHERE id = ANY(%s)
    ORDER BY id FOR UPDATE
), asked AS (UPDATE mqtt_keptmessage k SET state = 'again' FROM before WHERE k.id = before.id)
SELECT site_id, state, count(*), sum(size) FROM before GROUP BY site_id, state
"""
_SPREAD = f"""
WITH ends AS (
    SELECT min(id) AS first, max(id) AS last FROM mqtt_keptmessage
    WHERE site_id = %s AND parser_name = %s AND state = %s AND tries <= %s
)
SELECT DISTINCT k.id FROM ends, generate_series(0, {SAMPLE - 1}) AS step, LATERAL (
    SELECT id FROM mqtt_keptmessage
    WHERE site_id = %s AND parser_name = %s AND state = %s AND tries <= %s
        AND id >= ends.first + (ends.last - ends.first) * step / {SAMPLE - 1}
    ORDER BY id LIMIT 1
) AS k
"""


def insert(failures: Sequence[ParseFailure], state: KeptState, now: datetime) -> None:
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


def adopt(
    row: ParserHealth, state: KeptState, since: datetime, until: datetime, tally: AccountingTally
) -> None:
    """What this parser failed on between these times waits for it after all; the accounting moves
    too.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [state, row.site_id, row.parser_name, since, until])
        count, size = cursor.fetchone()
    if count:
        tally.add(row.site_id, Term.FAILED, -count)
        tally.keep(row.site_id, count, int(size))


def adopt_before(
    row: ParserHealth, paused_since: datetime, until: datetime, tally: AccountingTally
) -> None:
    """The failures that led to a pause: those of the two windows before it, and of batches that did
    not know yet.
    """
    since = paused_since - timedelta(seconds=2 * config().parser_window)
    adopt(row, KeptState.KEPT, since, until + timedelta(seconds=LATE), tally)


def ask_for(ids: Iterable[int], tally: AccountingTally) -> int:
    """To be parsed by request. Gives their number."""
    total = 0
    with connection.cursor() as cursor:
        cursor.execute(_ASK, [list(ids)])
        for site_id, state, count, size in cursor.fetchall():
            total += count
            if state == KeptState.FAILED:
                tally.add(site_id, Term.FAILED, -count)
                tally.keep(site_id, count, int(size))
    return total


def release(row: ParserHealth) -> None:
    """To be parsed: what is kept of a parser that is not paused."""
    _of(row).filter(state=KeptState.KEPT).update(state=KeptState.DUE)


def take_due(limit: int, size: int) -> list[KeptMessage]:
    """The next ones to parse in the order in which they came, at least one; locked until the
    transaction ends.
    """
    due = KeptMessage.objects.filter(state__in=(KeptState.DUE, KeptState.AGAIN)).order_by(
        "tries", "id"
    )
    sizes = due.select_for_update(skip_locked=True).annotate(
        size=Func("payload", function="octet_length")
    )
    taken: list[int] = []
    total = 0
    for row_id, bytes_ in sizes.values_list("id", "size")[:limit]:
        total += bytes_
        if taken and total > size:
            break
        taken.append(row_id)
    return list(KeptMessage.objects.filter(pk__in=taken).order_by("tries", "id"))


def sample(row: ParserHealth, state: KeptState) -> list[Envelope]:
    """Up to SAMPLE of them, evenly spread. Of failed ones only those that nobody has tried again
    yet.
    """
    if state == KeptState.FAILED:
        tries = 0
    else:
        tries = MAX_TRIES
    which = (row.site_id, row.parser_name, str(state), tries)
    with connection.cursor() as cursor:
        cursor.execute(_SPREAD, [*which, *which])
        ids = [found[0] for found in cursor.fetchall()]
    return envelopes(KeptMessage.objects.filter(pk__in=ids).order_by("id"))


def forget_failed(now: datetime) -> None:
    """The bytes of failed messages go after a while."""
    before = now - timedelta(seconds=config().failed_retention)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM mqtt_keptmessage WHERE state = 'failed' AND created_at < %s", [before]
        )


def forget_oldest_failed(row: ParserHealth) -> None:
    """And earlier, where newer ones need the room."""
    failed = _of(row).filter(state=KeptState.FAILED)
    past = failed.order_by("-id").values_list("id", flat=True)[config().failed_messages :].first()
    if past is not None:
        failed.filter(id__lte=past).delete()


def alone() -> bool:
    """Until the end of the transaction nobody else moves raw messages, but for those that are just
    coming in.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s::bigint)", [KEPT_LOCK])
        return bool(cursor.fetchone()[0])


def _of(row: ParserHealth) -> QuerySet[KeptMessage]:
    return KeptMessage.objects.filter(site_id=row.site_id, parser_name=row.parser_name)


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
