"""One transaction that stores messages, or a part of one that can be undone by itself."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import msgspec
from django.db import transaction

from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.dead_letters.parsing_log import ParseFailure
from mqtt_app.services.ingest.memory import Draft
from mqtt_app.services.ingest.records import SiteRules
from mqtt_app.services.postgres.columns import CopyRow


class Run(msgspec.Struct, kw_only=True):
    """What all steps share.

    `rules` by connection id: a connection that is not there was deleted. `is_replay`: the messages
    are dead letters, which may be older than what is known of their devices; `asked_parsers` names,
    by the id of a dead letter, the parser that somebody asked for in place of its topic's.

    What comes out of it: `tally` of the accounting; connections `skipped`, because a newer owner
    brings their messages; `postponed`, because this owner has to bring them again; `refused`, of
    which messages were refused; `failures` of a replay, which its caller judges, and ids of the dead
    letters that it `stored`; with `is_trial`, whose caller rolls everything back, the `rows` that
    were copied.
    """

    now: datetime
    rules: Mapping[int, SiteRules]
    memory: Draft
    is_replay: bool = False
    is_trial: bool = False
    asked_parsers: Mapping[int, str] = {}
    tally: AccountingTally = msgspec.field(default_factory=AccountingTally)
    skipped: set[int] = msgspec.field(default_factory=set)
    postponed: set[int] = msgspec.field(default_factory=set)
    refused: set[int] = msgspec.field(default_factory=set)
    failures: list[ParseFailure] = msgspec.field(default_factory=list)
    stored: set[int] = msgspec.field(default_factory=set)
    rows: list[CopyRow] = msgspec.field(default_factory=list)

    def part(self) -> "Run":
        return Run(
            now=self.now,
            rules=self.rules,
            memory=self.memory.part(),
            is_replay=self.is_replay,
            is_trial=self.is_trial,
            asked_parsers=self.asked_parsers,
        )

    def take_tally(self) -> AccountingTally:
        """What was counted and is written now, so that it is not written again with the whole."""
        tally = self.tally
        self.tally = AccountingTally()
        return tally

    def accept(self, part: "Run") -> None:
        self.memory.accept(part.memory)
        self.tally.merge(part.tally)
        self.skipped |= part.skipped
        self.postponed |= part.postponed
        self.refused |= part.refused
        self.failures += part.failures
        self.stored |= part.stored
        self.rows += part.rows


@contextmanager
def savepoint(run: Run) -> Iterator[Run]:
    """A part of the run that leaves nothing behind, neither in the database nor in memory, when
    something is raised in it.
    """
    part = run.part()
    with transaction.atomic():
        yield part
    run.accept(part)
