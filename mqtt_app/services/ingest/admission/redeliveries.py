"""The messages of a batch that are ours to store, each once; and what makes a redelivery known."""

import struct
from collections import defaultdict
from collections.abc import Collection, Sequence
from hashlib import blake2b

from mqtt_app.conf import config
from mqtt_app.domain.accounting import Term
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.columns import blobs, numbers
from mqtt_app.services.postgres.statements import Query, ask

ENTRY = struct.Struct(">H8s")  # Packet Identifier, hash; see mqtt_app/models/delivery.py
LOOK_BACK = 100  # rows of a connection that are searched for a redelivery at first

_REMEMBER = """
INSERT INTO mqtt_delivery (connection_id, entries, created_at)
SELECT v.connection_id, v.entries, %s::timestamptz
FROM unnest(%s::bigint[], %s::bytea[]) AS v(connection_id, entries)
"""
_DELIVERIES = """
SELECT c.id, d.entries FROM unnest(%s::bigint[]) AS c(id) CROSS JOIN LATERAL (
    SELECT id, entries FROM mqtt_delivery WHERE connection_id = c.id ORDER BY id DESC
    LIMIT %s::int) AS d
ORDER BY d.id DESC
"""

Deliveries = defaultdict[int, dict[int, bytes]]
"""Connection id -> Packet Identifier -> hash of the last message that was delivered under it."""


def admit(messages: Sequence[Envelope], run: Run) -> list[Envelope]:
    """Only a redelivery (DUP) can be a duplicate, or an early one of a past owner, whose
    acknowledgement may have been lost: equal messages published twice are two.
    """
    return _without_duplicates(current(messages, run), run)


def current(messages: Sequence[Envelope], run: Run) -> list[Envelope]:
    """Those of a deleted connection vanish with it. A QoS 1 message of a past owner is left to the
    new one, to whom the broker delivers it again, unless it was acknowledged early.
    """
    found = []
    for message in messages:
        rules = run.rules.get(message.connection_id)
        if rules is None:
            continue
        if message.qos and message.generation < rules.generation and not message.early:
            run.skipped.add(message.connection_id)
        else:
            found.append(message)
    return found


def remember(messages: Sequence[Envelope], run: Run) -> list[Query]:
    """So that a redelivery of these is known for what it is."""
    entries: defaultdict[int, bytearray] = defaultdict(bytearray)
    for message in messages:
        if message.qos:
            entries[message.connection_id] += ENTRY.pack(message.packet_id, fingerprint(message))
    if not entries:
        return []
    order = sorted(entries)
    columns = (numbers(order), blobs(bytes(entries[connection_id]) for connection_id in order))
    return [Query(_REMEMBER, [run.now, *columns])]


def fingerprint(message: Envelope) -> bytes:
    """8 bytes of BLAKE2b over topic and payload."""
    return blake2b(message.topic.encode() + b"\0" + message.payload, digest_size=8).digest()


def _without_duplicates(messages: list[Envelope], run: Run) -> list[Envelope]:
    # few, and most often none
    odd = [message for message in messages if message.dup or message.early]
    repeatable = [message for message in odd if _may_be_known(message, run)]
    if not repeatable:
        return messages
    newest = _deliveries_under(repeatable)
    fresh = []
    for message in messages:
        known = newest[message.connection_id]
        if _may_be_known(message, run) and known.get(message.packet_id) == fingerprint(message):
            run.tally.add(message.site_id, Term.DUPLICATE)
            continue
        if message.qos:
            known[message.packet_id] = fingerprint(message)
        fresh.append(message)
    return fresh


def _may_be_known(message: Envelope, run: Run) -> bool:
    if message.dup:
        return message.qos > 0
    is_of_past_owner = message.generation < run.rules[message.connection_id].generation
    return message.early and message.qos > 0 and is_of_past_owner


def _deliveries_under(repeatable: Sequence[Envelope]) -> Deliveries:
    """While one acknowledgement is held up, others may be stored by the hundred, a row each: for an
    identifier that is not among the newest it is worth to look further.
    """
    newest = _newest_deliveries({message.connection_id for message in repeatable}, LOOK_BACK)
    missed = {
        message.connection_id
        for message in repeatable
        if message.packet_id not in newest[message.connection_id]
    }
    if missed:
        newest |= _newest_deliveries(missed, _reach())
    return newest


def _newest_deliveries(ids: Collection[int], rows_back: int) -> Deliveries:
    newest: Deliveries = defaultdict(dict)
    left: defaultdict[int, int] = defaultdict(lambda: _reach() * ENTRY.size)
    for connection_id, entries in ask(_DELIVERIES, [numbers(sorted(ids)), rows_back]).rows():
        if left[connection_id] > 0:
            near = bytes(entries)[-left[connection_id] :]
        else:
            near = b""
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
