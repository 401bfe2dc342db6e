"""The receipt of a batch: was it here before, and who owns its connections now."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from mqtt_app.conf import config
from mqtt_app.domain.delivery.messages import Batch, Envelope
from mqtt_app.models.locks import TAKE_LOCK_CLASS, take_lock_key
from mqtt_app.services.ingest.records import SiteRules
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.columns import numbers
from mqtt_app.services.postgres.statements import Query, ask, send

# since its pause: a parser that parses some messages then works in part
PART_AFTER = timedelta(minutes=10)
PART_FOR = timedelta(hours=1)  # after the last message that it parsed

# Updates that join an ordered list do so row by row: two batches lock rows in the same order. And
# a statement that was planned once is not planned again for each list of values.
_SETTINGS = {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "plan_cache_mode": "force_generic_plan",
    # half of a task's time limit: a statement that hangs ends as an error, not by a death
    "statement_timeout": "60s",
}
_PLAN_ONCE_IN_ORDER = ", ".join(
    f"set_config('{name}', '{value}', true)" for name, value in _SETTINGS.items()
)
_CLAIM = """
INSERT INTO mqtt_batchreceipt (id, instance, messages, skipped, created_at)
VALUES (%s, %s, %s::int, '{}', %s) ON CONFLICT (id) DO NOTHING
"""
_OUTCOME = "SELECT skipped, postponed FROM mqtt_batchreceipt WHERE id = %s"
_OUTCOME_OF_WHOLE = """
SELECT skipped, postponed FROM mqtt_batchreceipt WHERE id = ANY(%s::uuid[]) AND messages > 0
"""
_NOTE_EXCEPTIONS = """
UPDATE mqtt_batchreceipt SET skipped = %s::bigint[], postponed = %s::bigint[] WHERE id = %s
"""
_LOCK = f"""
SELECT count(pg_advisory_xact_lock_shared(%s::int, key)), {_PLAN_ONCE_IN_ORDER}
FROM unnest(%s::int[]) AS key
"""
_PAUSED = "h.site_id = s.id AND h.paused_since IS NOT NULL AND h.resumed_at IS NULL"
_RULES = f"""
SELECT c.id AS connection_id, s.id AS site_id, c.generation, s.new_topics_active, s.max_topics,
    s.max_devices, s.max_new_topics, s.silence_after AS silence,
    ARRAY(SELECT h.parser_name FROM mqtt_parserhealth h WHERE {_PAUSED}) AS paused,
    EXISTS (SELECT FROM mqtt_parserhealth h JOIN mqtt_sitebooks b ON b.site_id = h.site_id
        WHERE {_PAUSED} AND (b.kept >= %s::bigint OR b.kept_bytes >= %s::bigint)) AS is_full,
    EXISTS (SELECT FROM mqtt_parserhealth h WHERE {_PAUSED} AND h.last_parsed_at > %s::timestamptz
        AND h.last_parsed_at > h.paused_since + %s::interval) AS works_in_part,
    s.time_zone, coalesce((SELECT m.version FROM mqtt_connectionmemory m
        WHERE m.connection_id = c.id), 0) AS memory_version, s.mappings_version,
    coalesce(s.capture_until > %s::timestamptz, false) AS captures
FROM mqtt_mqttconnection c JOIN mqtt_site s ON s.id = c.site_id WHERE c.id = ANY(%s::bigint[])
"""

Rules = Mapping[int, SiteRules]


class Exceptions(msgspec.Struct, frozen=True):
    """Connections of a batch whose messages were skipped, and those whose messages were
    postponed.
    """

    skipped: frozenset[int] = frozenset()
    postponed: frozenset[int] = frozenset()


class ClaimedBatch(msgspec.Struct, frozen=True):
    """`earlier`: these messages were committed before, with these exceptions. `rules` by connection
    id.
    """

    rules: Rules
    earlier: Exceptions | None = None


def claim(batch: Batch, now: datetime) -> ClaimedBatch:
    """Write the receipt, hold off any change of owner until the commit, then read who owns what.

    A second copy that comes at the same moment waits here until the first one is committed.
    """
    receipt = _receipt(batch, batch.id, len(batch.messages), now)
    superseded = [_receipt(batch, batch_id, 0, now) for batch_id in batch.instead_of]
    whole = Query(_OUTCOME_OF_WHOLE, [list(batch.instead_of)])
    lock, rules = _lock_and_rules(batch.messages, now)
    send([receipt, *superseded, *([whole] if superseded else []), lock, rules])
    if not receipt.row_count:
        return ClaimedBatch({}, _exceptions(ask(_OUTCOME, [batch.id])))
    if superseded and whole.row_count:
        earlier = _exceptions(whole)
        _write_exceptions(batch, earlier.skipped, earlier.postponed)
        return ClaimedBatch({}, earlier)
    return ClaimedBatch(_by_connection(rules))


def rules_for(messages: Iterable[Envelope], now: datetime) -> Rules:
    """As `claim`, for messages that came in another batch and became dead letters."""
    lock, rules = _lock_and_rules(messages, now)
    send([lock, rules])
    return _by_connection(rules)


def note_exceptions(batch: Batch, run: Run) -> None:
    """Whoever asks for the receipt must not acknowledge what was left to another owner, or to
    another time.
    """
    if run.skipped or run.postponed:
        _write_exceptions(batch, run.skipped, run.postponed)


def _receipt(batch: Batch, batch_id: str, messages: int, now: datetime) -> Query:
    """The batches that this one is a part of may be late rather than lost: a receipt of no messages
    keeps them from being stored from here on.
    """
    return Query(_CLAIM, [batch_id, batch.instance_id, messages, now])


def _lock_and_rules(messages: Iterable[Envelope], now: datetime) -> tuple[Query, Query]:
    ids = sorted({message.connection_id for message in messages})
    keys = sorted({take_lock_key(connection_id) for connection_id in ids})
    limits = (config().waiting_letters, config().waiting_letter_bytes)
    return (
        Query(_LOCK, [TAKE_LOCK_CLASS, numbers(keys)]),
        Query(_RULES, [*limits, now - PART_FOR, PART_AFTER, now, numbers(ids)]),
    )


def _by_connection(rules: Query) -> Rules:
    return {found.connection_id: found for found in rules.records(SiteRules)}


def _exceptions(receipts: Query) -> Exceptions:
    for skipped, postponed in receipts.rows():
        return Exceptions(frozenset(skipped), frozenset(postponed or ()))
    return Exceptions()


def _write_exceptions(batch: Batch, skipped: Collection[int], postponed: Collection[int]) -> None:
    ask(_NOTE_EXCEPTIONS, [numbers(sorted(skipped)), numbers(sorted(postponed)), batch.id])
