"""Whether an MQTT worker gets on with its work, judged from what it says of itself. Pure; durations in seconds."""

import msgspec

TURN = 10.0  # s without a round of the loop; a round takes milliseconds, and the longest wait between two is 1 s
LOOKS = 10  # scan intervals without a look at the rows; a database that was away for a moment is no reason
RECEIPTS = 2  # receipt timeouts that a batch may wait before its worker counts as stuck


class Vitals(msgspec.Struct, frozen=True):
    """What a worker says of itself with each renewal of its lease, as ages at that moment.

    `batches` handed over and not known to be committed, the oldest for `oldest_batch`; `pending_bytes` of messages in
    memory, of at most `pending_limit`; `reading_paused` links are not read, because memory or their share is used up.
    `log_rows` and `events` wait to be told. `allow_listed` links are to addresses that only the allow-list permits.
    """

    last_turn: float = 0.0
    last_look: float = 0.0
    batches: int = 0
    oldest_batch: float = 0.0
    pending_bytes: int = 0
    pending_limit: int = 0
    reading_paused: int = 0
    log_rows: int = 0
    events: int = 0
    allow_listed: int = 0


def complaint(vitals: Vitals, *, scan_interval: float, receipt_timeout: float) -> str:
    """Why the worker does not count as ready although it lives; "" when it does."""
    if vitals.last_turn > TURN:
        return f"its loop has not turned for {vitals.last_turn:.0f} s; restart it"
    if vitals.last_look > LOOKS * scan_interval:
        return (
            f"it has not compared its links with the database for {vitals.last_look:.0f} s; "
            "is PostgreSQL reachable from it?"
        )
    if vitals.oldest_batch > RECEIPTS * receipt_timeout:
        return (
            f"a batch waits for {vitals.oldest_batch:.0f} s to be stored ({vitals.batches} in all); "
            "are task workers running, and is PostgreSQL reachable from them?"
        )
    return ""
