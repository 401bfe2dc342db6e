"""What became of every message: the books of each site, and the log rows of those that failed."""

import time
import traceback
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from mqtt_app.conf import config
from mqtt_app.domain.delivery.messages import DUPLICATE, Drop, Envelope
from mqtt_app.domain.facts import ParseError, ParseErrorKind
from mqtt_app.domain.ingest.samples import sample, storable
from mqtt_app.models import MqttParsingLog
from mqtt_app.services.postgres.columns import numbers
from mqtt_app.services.postgres.statements import Later

# failures of one topic that get a row each; the rest of the minute is counted in the books only
LOGGED_A_MINUTE = 20

_BOOKS = """
INSERT INTO mqtt_sitebooks AS b
    (site_id, received, stored, duplicate, inactive, unprocessable, failed, quarantined, kept, kept_bytes, readings,
     dropped, last_message_at)
SELECT v.*, '{}'::jsonb, %s::timestamptz
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
            %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) AS v(site_id)
JOIN mqtt_site s ON s.id = v.site_id ORDER BY v.site_id
ON CONFLICT (site_id) DO UPDATE SET
    received = b.received + excluded.received, stored = b.stored + excluded.stored,
    duplicate = b.duplicate + excluded.duplicate, inactive = b.inactive + excluded.inactive,
    unprocessable = b.unprocessable + excluded.unprocessable, failed = b.failed + excluded.failed,
    quarantined = b.quarantined + excluded.quarantined, kept = b.kept + excluded.kept,
    kept_bytes = b.kept_bytes + excluded.kept_bytes, readings = b.readings + excluded.readings,
    last_message_at = GREATEST(b.last_message_at, excluded.last_message_at)
"""
_DROP = """
UPDATE mqtt_sitebooks SET dropped = jsonb_set(dropped, ARRAY[%s::text],
    to_jsonb(coalesce((dropped ->> %s::text)::bigint, 0) + %s::bigint)) WHERE site_id = %s
"""


class AccountingEntry(msgspec.Struct):
    """One site's share of a batch. Negative where messages move from one term to another."""

    stored: int = 0
    duplicate: int = 0
    inactive: int = 0
    unprocessable: int = 0
    failed: int = 0
    quarantined: int = 0
    kept: int = 0
    kept_bytes: int = 0
    readings: int = 0
    dropped: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def received(self) -> int:
        settled = (
            self.stored
            + self.duplicate
            + self.inactive
            + self.unprocessable
            + self.failed
            + self.quarantined
        )
        return settled + self.kept + sum(self.dropped.values())


class ParseFailure(msgspec.Struct, frozen=True):
    message: Envelope
    parser_name: str
    error: ParseError


class AccountingTally:
    """Counts of one batch, by site id."""

    def __init__(self, drops: Iterable[Drop] = ()) -> None:
        self.entries: defaultdict[int, AccountingEntry] = defaultdict(AccountingEntry)
        self.discovered: defaultdict[int, int] = defaultdict(int)
        for drop in drops:
            if drop.reason == DUPLICATE:
                self.add(drop.site_id, DUPLICATE, drop.count)
            else:
                self.drop(drop.site_id, drop.reason, drop.count)

    def add(self, site_id: int, column: str, count: int = 1) -> None:
        entry = self.entries[site_id]
        setattr(entry, column, getattr(entry, column) + count)

    def drop(self, site_id: int, reason: str, count: int = 1) -> None:
        dropped = self.entries[site_id].dropped
        dropped[reason] = dropped.get(reason, 0) + count

    def keep(self, site_id: int, messages: int, size: int) -> None:
        """`size` in bytes of payload; both negative for messages that are kept no longer."""
        self.add(site_id, "kept", messages)
        self.add(site_id, "kept_bytes", size)

    def merge(self, other: "AccountingTally") -> None:
        for site_id, entry in other.entries.items():
            for column in _SUMMED:
                self.add(site_id, column, getattr(entry, column))
            for reason, count in entry.dropped.items():
                self.drop(site_id, reason, count)
        for site_id, count in other.discovered.items():
            self.discovered[site_id] += count

    def add_readings(self, by_site: dict[int, int]) -> None:
        for site_id, count in by_site.items():
            self.entries[site_id].readings += count


_COLUMNS = (
    "received",
    "stored",
    "duplicate",
    "inactive",
    "unprocessable",
    "failed",
    "quarantined",
    "kept",
    "kept_bytes",
    "readings",
)
_SUMMED = _COLUMNS[1:]  # `received` follows from the others


def move(tally: AccountingTally) -> None:
    """Nothing was received: messages only move from one term to another."""
    later = Later()
    write(tally, None, later)
    later.run()


def write(tally: AccountingTally, now: datetime | None, later: Later) -> None:
    """Last in the transaction, in the order of site ids: these rows are hot, and held until the
    commit.
    """
    sites = sorted(tally.entries)
    if not sites:
        return
    entries = [tally.entries[site_id] for site_id in sites]
    sums = [numbers(getattr(entry, column) for entry in entries) for column in _COLUMNS]
    later.add(_BOOKS, [now, numbers(sites), *sums])
    for site_id, entry in zip(sites, entries, strict=True):
        for reason, count in sorted(entry.dropped.items()):
            later.add(_DROP, [reason, reason, count, site_id])


def log_failures(failures: Sequence[ParseFailure]) -> None:
    """A row for each, as far as its topic may still write any in this minute."""
    rows = []
    for failure in failures:
        allowance = _allowance(failure.message)
        if allowance:
            rows.append(_row(failure, last=allowance == 1))
    if rows:
        MqttParsingLog.objects.bulk_create(rows)


rows_by_minute: dict[tuple[int, str], tuple[int, int]] = {}


def _allowance(message: Envelope) -> int:
    """How many rows this topic may still write in this minute, this one included; 0 for none."""
    minute = int(time.time() // 60)
    key = (message.connection_id, message.topic)
    if len(rows_by_minute) > 10_000:
        rows_by_minute.clear()
    started, used = rows_by_minute.get(key, (minute, 0))
    used = used if started == minute else 0
    rows_by_minute[key] = (minute, used + 1)
    return max(0, LOGGED_A_MINUTE - used)


def _row(failure: ParseFailure, *, last: bool) -> MqttParsingLog:
    message, error = failure.message, failure.error
    cause = error.__cause__
    note = (
        " (more failures of this topic within this minute are counted, not logged)" if last else ""
    )
    unexpected = cause is not None and error.kind in {ParseErrorKind.UNKNOWN, ParseErrorKind.DB}
    return MqttParsingLog(
        site_id=message.site_id,
        topic=storable(message.topic),
        parser_name=failure.parser_name,
        error_type=error.kind.value,
        error_message=storable(f"{error}{note}"),
        exception_type=type(cause if unexpected else error).__name__,
        exception_traceback=storable("".join(traceback.format_exception(cause)))
        if unexpected
        else "",
        payload_sample=sample(message.payload, config().payload_sample),
    )
