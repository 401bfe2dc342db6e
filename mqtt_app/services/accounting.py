"""What became of every message, by site: counted while a transaction runs, written at its end."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from mqtt_app.domain.accounting import REPLAYABLE, TERMS, Term, replayed_column
from mqtt_app.domain.delivery.messages import DUPLICATE, Drop
from mqtt_app.services.postgres.columns import numbers
from mqtt_app.services.postgres.statements import Query, send

_SUMS = (
    "received",
    *TERMS,
    "kept_bytes",
    "readings",
    "fields_left_out",
    *map(replayed_column, REPLAYABLE),
)
_ADDED = ", ".join(f"{column} = b.{column} + excluded.{column}" for column in _SUMS)
_ADD = f"""
INSERT INTO mqtt_sitebooks AS b (site_id, {", ".join(_SUMS)}, dropped, last_message_at)
SELECT v.*, '{{}}'::jsonb, %s::timestamptz
FROM unnest({", ".join(["%s::bigint[]"] * (1 + len(_SUMS)))}) AS v(site_id)
JOIN mqtt_site s ON s.id = v.site_id ORDER BY v.site_id
ON CONFLICT (site_id) DO UPDATE SET {_ADDED},
    last_message_at = GREATEST(b.last_message_at, excluded.last_message_at)
"""
_DROP = """
UPDATE mqtt_sitebooks SET dropped = jsonb_set(dropped, ARRAY[%s::text],
    to_jsonb(coalesce((dropped ->> %s::text)::bigint, 0) + %s::bigint)) WHERE site_id = %s
"""


class AccountingEntry(msgspec.Struct):
    """One site's share of a batch. `terms` are negative where messages move from one to another.
    `dropped` by reason.
    """

    terms: dict[Term, int] = msgspec.field(default_factory=dict)
    kept_bytes: int = 0
    readings: int = 0
    fields_left_out: int = 0
    dropped: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def received(self) -> int:
        return sum(self.terms.values()) + sum(self.dropped.values())

    def sums(self) -> list[int]:
        """In the order of `_SUMS`."""
        terms = [self.terms.get(term, 0) for term in TERMS]
        replayed = [max(0, -self.terms.get(term, 0)) for term in REPLAYABLE]
        sizes = [self.kept_bytes, self.readings, self.fields_left_out]
        return [self.received, *terms, *sizes, *replayed]


class AccountingTally:
    """Counts by site id. `discovered`: new topics."""

    def __init__(self, drops: Iterable[Drop] = ()) -> None:
        self.entries: defaultdict[int, AccountingEntry] = defaultdict(AccountingEntry)
        self.discovered: defaultdict[int, int] = defaultdict(int)
        for drop in drops:
            if drop.reason == DUPLICATE:
                self.add(drop.site_id, Term.DUPLICATE, drop.count)
            else:
                self.drop(drop.site_id, drop.reason, drop.count)

    def add(self, site_id: int, term: Term, count: int = 1) -> None:
        terms = self.entries[site_id].terms
        terms[term] = terms.get(term, 0) + count

    def drop(self, site_id: int, reason: str, count: int = 1) -> None:
        dropped = self.entries[site_id].dropped
        dropped[reason] = dropped.get(reason, 0) + count

    def keep(self, site_id: int, messages: int, size: int) -> None:
        """`size` in bytes of payload; both negative for messages that are kept no longer."""
        self.add(site_id, Term.KEPT, messages)
        self.entries[site_id].kept_bytes += size

    def add_readings(self, by_site: Mapping[int, int]) -> None:
        for site_id, count in by_site.items():
            self.entries[site_id].readings += count

    def leave_out(self, site_id: int, fields: int) -> None:
        """Single fields of messages that were stored."""
        self.entries[site_id].fields_left_out += fields

    def merge(self, other: "AccountingTally") -> None:
        for site_id, entry in other.entries.items():
            for term, count in entry.terms.items():
                self.add(site_id, term, count)
            for reason, count in entry.dropped.items():
                self.drop(site_id, reason, count)
            self.entries[site_id].kept_bytes += entry.kept_bytes
            self.entries[site_id].fields_left_out += entry.fields_left_out
        self.add_readings({site_id: entry.readings for site_id, entry in other.entries.items()})
        for site_id, count in other.discovered.items():
            self.discovered[site_id] += count


def move(tally: AccountingTally) -> None:
    """Nothing was received: messages only move from one term to another."""
    send(queries(tally, None))


def queries(tally: AccountingTally, received_at: datetime | None) -> list[Query]:
    """Last in the transaction, in the order of site ids: these rows are hot, and held until the
    commit. `received_at` is None when nothing was received.
    """
    sites = sorted(tally.entries)
    if not sites:
        return []
    columns = zip(*(tally.entries[site_id].sums() for site_id in sites), strict=True)
    added = Query(_ADD, [received_at, numbers(sites), *map(numbers, columns)])
    drops = [
        Query(_DROP, [reason, reason, count, site_id])
        for site_id in sites
        for reason, count in tally.entries[site_id].dropped.items()
    ]
    return [added, *drops]
