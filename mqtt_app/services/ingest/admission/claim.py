"""What a batch meets in the database: was it here before, who owns its connections now, what was
delivered already.
"""

import struct
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec
from django.db import connection

from mqtt_app.conf import config
from mqtt_app.domain.delivery.messages import Batch, Envelope
from mqtt_app.models.locks import TAKE_LOCK_CLASS, take_lock_key
from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.postgres.columns import blobs, numbers
from mqtt_app.services.postgres.statements import Cursor, Later, pipelined, rows, run

ENTRY = struct.Struct(">H8s")  # Packet Identifier, hash; see mqtt_app/models/delivery.py
LOOK_BACK = 100  # rows of a connection that are searched for a redelivery at first
PART_AFTER = timedelta(
    minutes=10
)  # since its pause: a parser that parses some messages then works in part
PART_FOR = timedelta(hours=1)  # after the last one
# Updates that join an ordered list do so row by row then: two batches lock rows in the same order.
# And what was planned once is not planned again for each list, which was half of what some of the
# statements took.
_SETTINGS = {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "plan_cache_mode": "force_generic_plan",
    # half of a task's time limit: what hangs is told as an error, not by a death
    "statement_timeout": "60s",
}
_PLAN_ONCE_IN_ORDER = ", ".join(
    f"set_config('{name}', '{value}', true)" for name, value in _SETTINGS.items()
)
_CLAIM = """
INSERT INTO mqtt_batchreceipt (id, instance, messages, skipped, created_at) VALUES (%s, %s, %s::int, '{}', %s)
ON CONFLICT (id) DO NOTHING
"""
_LOCK = f"SELECT count(pg_advisory_xact_lock_shared(%s::int, key)), {_PLAN_ONCE_IN_ORDER} FROM unnest(%s::int[]) AS key"
_PAUSED = "h.site_id = s.id AND h.paused_since IS NOT NULL AND h.resumed_at IS NULL"
_RULES = f"""
SELECT c.id, s.id, c.generation, s.new_topics_active, s.max_topics, s.max_devices, s.max_new_topics, s.silence_after,
    ARRAY(SELECT h.parser_name FROM mqtt_parserhealth h WHERE {_PAUSED}),
    EXISTS (SELECT FROM mqtt_parserhealth h JOIN mqtt_sitebooks b ON b.site_id = h.site_id
        WHERE {_PAUSED} AND (b.kept >= %s::bigint OR b.kept_bytes >= %s::bigint)),
    EXISTS (SELECT FROM mqtt_parserhealth h WHERE {_PAUSED} AND h.last_parsed_at > %s::timestamptz
        AND h.last_parsed_at > h.paused_since + %s::interval)
FROM mqtt_mqttconnection c JOIN mqtt_site s ON s.id = c.site_id WHERE c.id = ANY(%s::bigint[])
"""
_REMEMBER = """
INSERT INTO mqtt_delivery (connection_id, entries, created_at)
SELECT v.connection_id, v.entries, %s::timestamptz FROM unnest(%s::bigint[], %s::bytea[]) AS v(connection_id, entries)
"""
_DELIVERIES = """
SELECT c.id, d.entries FROM unnest(%s::bigint[]) AS c(id) CROSS JOIN LATERAL (
    SELECT id, entries FROM mqtt_delivery WHERE connection_id = c.id ORDER BY id DESC LIMIT %s::int) AS d
ORDER BY d.id DESC
"""


Exceptions = tuple[frozenset[int], frozenset[int]]
"""Connections of a batch whose messages were skipped, and those whose messages were postponed."""


class SiteRules(msgspec.Struct, frozen=True):
    """A connection as a batch needs it. `silence` in seconds. `paused` are names of parsers that
    fail at this site.

    `is_full`: no more may be kept for them. `works_in_part`: long after its pause one of them still
    parses some messages, so it is not a bad deploy that broke it; the site has bad messages.
    """

    site_id: int
    generation: int
    new_topics_active: bool
    max_topics: int
    max_devices: int
    max_new_topics: int
    silence: float
    paused: Sequence[str] = ()
    is_full: bool = False
    works_in_part: bool = False


class Admission(msgspec.Struct):
    """`rules` by connection id; `skipped` collects the connections whose messages belong to a newer
    owner, `postponed` those whose messages cannot be taken now. `careful`: something in this batch
    was refused by the database, so look for it. `late`: the messages were kept for a while, so they
    may be older than what is known of their devices. `later`: the statements that are still to be
    run, before the commit.
    """

    rules: dict[int, SiteRules]
    careful: bool
    late: bool = False
    skipped: set[int] = msgspec.field(default_factory=set)
    postponed: set[int] = msgspec.field(default_factory=set)
    later: Later = msgspec.field(default_factory=Later)

    def part(self) -> "Admission":
        """The same for some of the messages, with exceptions and statements of its own."""
        return msgspec.structs.replace(self, skipped=set(), postponed=set(), later=Later())


def claim(batch: Batch, now: datetime, *, careful: bool) -> Admission | Exceptions:
    """Write the receipt, hold off any change of owner until the commit, then read who owns what.

    When these messages were committed before: what was excepted then. A second copy that comes at
    the same moment waits here until the first one is committed.
    """
    with pipelined():
        claimed = run(_CLAIM, [batch.id, batch.instance_id, len(batch.messages), now])
        whole = _supersede(batch, now)
        found = _ask(batch.messages, now)
    if not claimed.rowcount:
        return _as_exceptions(
            rows("SELECT skipped, postponed FROM mqtt_batchreceipt WHERE id = %s", [batch.id])
        )
    stored = whole.fetchall() if whole else []
    if stored:
        earlier = _as_exceptions(stored)
        _except(batch, *earlier)
        return earlier
    return _context(found, careful=careful)


def _supersede(batch: Batch, now: datetime) -> Cursor | None:
    """The batches that this one is a part of may be late rather than lost: from here on they are
    not stored any more.

    A receipt of no messages says so. When one of them was stored already, the cursor has what was
    excepted then.
    """
    if not batch.instead_of:
        return None
    for batch_id in batch.instead_of:
        run(_CLAIM, [batch_id, batch.instance_id, 0, now])
    stored = "SELECT skipped, postponed FROM mqtt_batchreceipt WHERE id = ANY(%s::uuid[]) AND messages > 0"
    return run(stored, [list(batch.instead_of)])


def _as_exceptions(found: Sequence[tuple[Any, ...]]) -> Exceptions:
    skipped, postponed = found[0] if found else ((), ())
    return frozenset(skipped), frozenset(postponed or ())


def open_late(messages: Iterable[Envelope], now: datetime, *, careful: bool) -> Admission:
    """As `claim`, for messages that came in another batch and were kept."""
    with pipelined():
        found = _ask(messages, now)
    return _context(found, careful=careful, late=True)


def _ask(messages: Iterable[Envelope], now: datetime) -> Cursor:
    ids = sorted({message.connection_id for message in messages})
    keys = sorted({take_lock_key(connection_id) for connection_id in ids})
    run(_LOCK, [TAKE_LOCK_CLASS, numbers(keys)])
    limits = (config().kept_messages, config().kept_bytes)
    return run(_RULES, [*limits, now - PART_FOR, PART_AFTER, numbers(ids)])


def _context(found: Cursor, *, careful: bool, late: bool = False) -> Admission:
    return Admission({row[0]: SiteRules(*row[1:]) for row in found.fetchall()}, careful, late)


def admit(
    messages: Sequence[Envelope], context: Admission, tally: AccountingTally
) -> list[Envelope]:
    """The messages that are ours to store, each once.

    Only a redelivery (DUP) can be a duplicate, or an early one of a past owner, whose
    acknowledgement may have been lost: equal messages published twice are two.
    """
    return _without_duplicates(current(messages, context), context, tally)


def current(messages: Sequence[Envelope], context: Admission) -> list[Envelope]:
    """Those of a deleted connection vanish with it. A QoS 1 message of a past owner is left to the
    new one, to whom the broker delivers it again, unless it was acknowledged early.
    """
    found = []
    for message in messages:
        rules = context.rules.get(message.connection_id)
        if rules is None:
            continue
        if message.qos and message.generation < rules.generation and not message.early:
            context.skipped.add(message.connection_id)
        else:
            found.append(message)
    return found


def _without_duplicates(
    messages: Sequence[Envelope], context: Admission, tally: AccountingTally
) -> list[Envelope]:
    odd = [
        message for message in messages if message.dup or message.early
    ]  # few, and most often none
    again = {message.connection_id for message in odd if _may_be_known(message, context)}
    if not again:
        return list(messages)
    newest = _deliveries_under(again, odd)
    fresh = []
    for message in messages:
        known = newest[message.connection_id]
        if _may_be_known(message, context) and known.get(message.packet_id) == fingerprint(message):
            tally.add(message.site_id, "duplicate")
            continue
        if message.qos:
            known[message.packet_id] = fingerprint(message)
        fresh.append(message)
    return fresh


def _may_be_known(message: Envelope, context: Admission) -> bool:
    if not message.qos:
        return False
    return message.dup or (
        message.early and message.generation < context.rules[message.connection_id].generation
    )


def _deliveries_under(
    ids: Collection[int], odd: Sequence[Envelope]
) -> defaultdict[int, dict[int, bytes]]:
    """For each connection: Packet Identifier -> hash of the last message that was delivered under
    it.

    While one acknowledgement is held up, others may be stored by the hundred, a row each: for an
    identifier that is not among the newest it is worth to look further.
    """
    newest = _newest_deliveries(ids, LOOK_BACK)
    missed = {
        one.connection_id for one in odd if one.packet_id not in newest[one.connection_id]
    } & set(ids)
    if missed:
        newest |= _newest_deliveries(missed, _reach())
    return newest


def _newest_deliveries(ids: Collection[int], rows_back: int) -> defaultdict[int, dict[int, bytes]]:
    newest: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
    left: defaultdict[int, int] = defaultdict(lambda: _reach() * ENTRY.size)
    for connection_id, entries in rows(_DELIVERIES, [numbers(sorted(ids)), rows_back]):
        near = bytes(entries)[-left[connection_id] :] if left[connection_id] > 0 else b""
        left[connection_id] -= len(near)
        newest[connection_id] = dict(ENTRY.iter_unpack(near)) | newest[connection_id]
    return newest


def _reach() -> int:
    """Messages of a connection within which a redelivery is: twice what a broker leaves
    unacknowledged.

    Any further back, an equal message under the same identifier is another one: identifiers come
    round again.
    """
    return 2 * config().receive_maximum


def remember(messages: Sequence[Envelope], context: Admission, now: datetime) -> None:
    """So that a redelivery of these is known for what it is."""
    entries: defaultdict[int, bytearray] = defaultdict(bytearray)
    for message in messages:
        if message.qos:
            entries[message.connection_id] += ENTRY.pack(message.packet_id, fingerprint(message))
    if entries:
        order = sorted(entries)
        context.later.add(
            _REMEMBER, [now, numbers(order), blobs(bytes(entries[key]) for key in order)]
        )


def note_exceptions(batch: Batch, context: Admission) -> None:
    """Whoever asks for the receipt must not acknowledge what was left to another owner, or to
    another time.
    """
    if context.skipped or context.postponed:
        _except(batch, context.skipped, context.postponed)


def _except(batch: Batch, skipped: Collection[int], postponed: Collection[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE mqtt_batchreceipt SET skipped = %s, postponed = %s WHERE id = %s",
            [sorted(skipped), sorted(postponed), batch.id],
        )


def fingerprint(message: Envelope) -> bytes:
    """8 bytes of BLAKE2b over topic and payload."""
    return blake2b(message.topic.encode() + b"\0" + message.payload, digest_size=8).digest()
