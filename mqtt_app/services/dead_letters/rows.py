"""Dead letters: written, moved between states, read in order."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Func, QuerySet

from mqtt_app.conf import config
from mqtt_app.domain.accounting import Term
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.ingest.samples import storable
from mqtt_app.models import DeadLetter, DeadLetterReason, DeadLetterState, ParserHealth
from mqtt_app.models.locks import DEAD_LETTERS_LOCK
from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.dead_letters.parsing_log import ParseFailure
from mqtt_app.services.postgres.columns import blobs, booleans, microseconds, numbers, texts

MAX_ERROR = 500  # characters
MAX_TRIES = 32_767  # what the column holds
SAMPLE = 20  # messages of a trial
LATE = 60.0  # s after the decision in which batches may still commit that did not know of it

_INSERT = """
INSERT INTO mqtt_deadletter
    (reason, state, created_at, tries, site_id, connection_id, topic, payload, qos, retain,
     received_at, parser_name, error)
SELECT %s, %s, %s, 0, v.site_id, v.connection_id, v.topic, v.payload, v.qos, v.retain,
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
    UPDATE mqtt_deadletter k SET state = %s
    WHERE k.site_id = %s AND k.parser_name = %s AND k.state = 'resting' AND k.reason = 'failed'
        AND k.tries = 0 AND k.created_at BETWEEN %s AND %s
    RETURNING octet_length(k.payload) AS size
)
SELECT count(*), coalesce(sum(size), 0) FROM moved
"""
# The connection may have been made anew since, and where nobody was asked the topic's parser is.
_REQUEST = """
WITH before AS (
    SELECT k.id, k.site_id, k.state, k.reason, octet_length(k.payload) AS size, c.id AS link,
        coalesce(nullif(k.parser_name, ''), t.parser_name, '') AS parser
    FROM mqtt_deadletter k
    JOIN mqtt_mqttconnection c ON c.site_id = k.site_id
    LEFT JOIN mqtt_discoveredtopic t ON t.connection_id = c.id AND md5(t.topic) = md5(k.topic)
    WHERE k.id = ANY(%s)
    ORDER BY k.id FOR UPDATE OF k
), requested AS (
    UPDATE mqtt_deadletter k
    SET state = 'requested', connection_id = before.link, parser_name = before.parser,
        operation_id = %s, asked_parser = %s
    FROM before WHERE k.id = before.id
)
SELECT site_id, state, reason, count(*), sum(size) FROM before GROUP BY site_id, state, reason
"""
_TAKE_BACK = """
UPDATE mqtt_deadletter SET state = 'resting', operation_id = NULL, asked_parser = ''
WHERE operation_id = %s AND state = 'requested'
RETURNING id, site_id, reason, octet_length(payload)
"""
_SPREAD = f"""
WITH ends AS (
    SELECT min(id) AS first, max(id) AS last FROM mqtt_deadletter
    WHERE site_id = %s AND parser_name = %s AND state = %s AND reason = 'failed' AND tries <= %s
)
SELECT DISTINCT k.id FROM ends, generate_series(0, {SAMPLE - 1}) AS step, LATERAL (
    SELECT id FROM mqtt_deadletter
    WHERE site_id = %s AND parser_name = %s AND state = %s AND reason = 'failed' AND tries <= %s
        AND id >= ends.first + (ends.last - ends.first) * step / {SAMPLE - 1}
    ORDER BY id LIMIT 1
) AS k
"""


class NewLetter(msgspec.Struct, frozen=True):
    message: Envelope
    parser_name: str
    error: str


def insert(failures: Sequence[ParseFailure], state: DeadLetterState, now: datetime) -> None:
    """Messages that their parser failed on."""
    new = [
        NewLetter(failure.message, failure.parser_name, str(failure.error)) for failure in failures
    ]
    _insert(new, DeadLetterReason.FAILED, state, now)


def insert_unparsed(
    messages: Sequence[Envelope],
    reason: DeadLetterReason,
    error: str,
    now: datetime,
    tally: AccountingTally,
) -> None:
    """Messages that no parser was asked about, or none survived. They rest until a request."""
    new = [NewLetter(message, "", error) for message in messages]
    _insert(new, reason, DeadLetterState.RESTING, now)
    for message in messages:
        tally.add(message.site_id, Term.QUARANTINED)


def _insert(
    letters: Sequence[NewLetter], reason: DeadLetterReason, state: DeadLetterState, now: datetime
) -> None:
    if not letters:
        return
    messages = [letter.message for letter in letters]
    columns = [
        numbers(message.site_id for message in messages),
        numbers(message.connection_id for message in messages),
        texts(storable(message.topic) for message in messages),
        blobs(message.payload for message in messages),
        numbers(message.qos for message in messages),
        booleans(message.retain for message in messages),
        numbers(microseconds(message.received_at) for message in messages),
        texts(letter.parser_name for letter in letters),
        texts(storable(letter.error)[:MAX_ERROR] for letter in letters),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [reason, state, now, *columns])


def adopt(
    row: ParserHealth,
    state: DeadLetterState,
    since: datetime,
    until: datetime,
    tally: AccountingTally,
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
    adopt(row, DeadLetterState.WAITING, since, until + timedelta(seconds=LATE), tally)


def request(
    ids: Iterable[int],
    tally: AccountingTally,
    *,
    operation_id: UUID | None = None,
    parser_name: str = "",
) -> int:
    """To be replayed by request, of an operation if it is given, and by the parser that is named.
    Gives their number; a site without a connection has none.
    """
    total = 0
    with connection.cursor() as cursor:
        cursor.execute(_REQUEST, [list(ids), operation_id, parser_name])
        for site_id, state, reason, count, size in cursor.fetchall():
            total += count
            if state == DeadLetterState.RESTING:
                tally.add(site_id, term_of(reason), -count)
                tally.keep(site_id, count, int(size))
    return total


def take_back(operation_id: UUID, tally: AccountingTally) -> int:
    """What an operation has asked for and nobody has replayed yet rests again. Gives the id before
    the first of them, 0 when there are none.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_BACK, [operation_id])
        found = cursor.fetchall()
    for _, site_id, reason, size in found:
        tally.add(site_id, term_of(reason))
        tally.keep(site_id, -1, -int(size))
    return min((row[0] for row in found), default=1) - 1


def term_of(reason: str) -> Term:
    """What a resting dead letter is counted as."""
    if reason == DeadLetterReason.FAILED:
        return Term.FAILED
    return Term.QUARANTINED


def release(row: ParserHealth) -> None:
    """To be replayed: what waits for a parser that is not paused."""
    _of(row).filter(state=DeadLetterState.WAITING).update(state=DeadLetterState.DUE)


def take_due(limit: int, size: int) -> list[DeadLetter]:
    """The next ones to parse in the order in which they came, at least one; locked until the
    transaction ends.
    """
    due = DeadLetter.objects.filter(
        state__in=(DeadLetterState.DUE, DeadLetterState.REQUESTED)
    ).order_by("tries", "id")
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
    return list(DeadLetter.objects.filter(pk__in=taken).order_by("tries", "id"))


def sample(row: ParserHealth, state: DeadLetterState) -> list[Envelope]:
    """Up to SAMPLE of those that the parser failed on, evenly spread. Of resting ones only those
    that were never replayed.
    """
    if state == DeadLetterState.RESTING:
        tries = 0
    else:
        tries = MAX_TRIES
    which = (row.site_id, row.parser_name, str(state), tries)
    with connection.cursor() as cursor:
        cursor.execute(_SPREAD, [*which, *which])
        ids = [found[0] for found in cursor.fetchall()]
    return envelopes(DeadLetter.objects.filter(pk__in=ids).order_by("id"))


def alone() -> bool:
    """Until the end of the transaction nobody else moves dead letters, but for those that are just
    coming in.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s::bigint)", [DEAD_LETTERS_LOCK])
        return bool(cursor.fetchone()[0])


def _of(row: ParserHealth) -> QuerySet[DeadLetter]:
    return DeadLetter.objects.filter(site_id=row.site_id, parser_name=row.parser_name)


def envelopes(rows: Iterable[DeadLetter]) -> list[Envelope]:
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
