"""Whether an MQTT worker gets on with its work, judged from what it says of itself. Pure; durations
in seconds.
"""

from collections.abc import Iterable

import msgspec

from mqtt_app.domain.delivery.stalls import sentence

# s without a round of the loop; a round takes milliseconds, and the longest wait between two is 1 s
TURN = 10.0
# scan intervals without a look at the rows; a database that was away for a moment is no reason
LOOKS = 10
NOT_STORING = 10.0  # s in which batches wait and none is stored
RECEIPTS = 2  # receipt timeouts that a batch may wait before its worker counts as stuck


class Vitals(msgspec.Struct, frozen=True):
    """What a worker says of itself with each renewal of its lease, as ages at that moment.

    `batches` handed over and not known to be committed, the oldest for `oldest_batch`;
    `pending_bytes` of messages in memory, of at most `pending_limit`; `reading_paused` links are
    not read, because memory or their share is used up. `allow_listed` links are to addresses that
    only the allow-list permits. `log_rows` and `events` wait to be told. `not_storing`: for so long
    batches have waited and none was committed. `links_not_stored`: links with messages that are not
    being stored, for `oldest_not_stored` seconds at most; what the oldest waits for, see
    domain/delivery/stalls.py. `suspects` are links that travel by themselves, see
    domain/delivery/suspicion.py.
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
    not_storing: float = 0.0
    links_not_stored: int = 0
    oldest_not_stored: float = 0.0
    waits_for: str = ""
    suspects: int = 0


def complaint(vitals: Vitals, *, scan_interval: float, receipt_timeout: float) -> str:
    """Why the worker does not count as ready although it lives; "" when it does."""
    if vitals.last_turn > TURN:
        return f"its loop has not turned for {vitals.last_turn:.0f} s; restart it"
    if vitals.last_look > LOOKS * scan_interval:
        return (
            f"it has not compared its links with the database for {vitals.last_look:.0f} s; "
            "is PostgreSQL reachable from it?"
        )
    if vitals.not_storing > NOT_STORING:
        return (
            f"nothing has been stored for {vitals.not_storing:.0f} s: {sentence(vitals.waits_for)}"
        )
    if vitals.oldest_batch > RECEIPTS * receipt_timeout:
        return (
            f"a batch waits for {vitals.oldest_batch:.0f} s to be stored ({vitals.batches} in all); "
            "are task workers running, and is PostgreSQL reachable from them?"
        )
    return ""


def stores_nothing(workers: Iterable[Vitals]) -> Vitals | None:
    """That of the worker that waits the longest, when batches wait and no worker has any of them
    stored.
    """
    waiting = [vitals for vitals in workers if vitals.batches]
    if not waiting or any(vitals.not_storing <= NOT_STORING for vitals in waiting):
        return None
    return max(waiting, key=lambda vitals: vitals.not_storing)
