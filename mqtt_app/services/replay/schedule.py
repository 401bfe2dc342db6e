"""Dead letters tried on their parser now and then, and made due once it works again.

`judge_parsers` runs every 10 s in some task worker; twice at once does no harm. Each trial is made
with the parsers of the process it runs in: one that still has the broken version finds it broken,
and leaves the dead letters to one that has not.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec
from django.db import transaction
from django.db.models import F, Q, QuerySet

from mqtt_app.models import DeadLetter, DeadLetterState, ParserHealth
from mqtt_app.services import accounting, audit
from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.dead_letters import parser_health, retention
from mqtt_app.services.dead_letters import rows as letters
from mqtt_app.services.replay.sandbox import most_can_be_parsed

# sites at which a paused parser is tried; only if it works at one of them, all the others are
PROBES = 20
GROUPS = 100  # parsers at sites that are not paused, tried in one round
FAILED_EVERY = timedelta(seconds=60)  # between two trials on messages that failed without a pause
LATE = timedelta(seconds=2 * letters.LATE)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Trials(msgspec.Struct, frozen=True):
    """Ids of paused parsers at a site: those that were tried, and those that work again."""

    tried: set[int] = msgspec.field(default_factory=set)
    working: set[int] = msgspec.field(default_factory=set)


def judge_parsers(now: datetime) -> None:
    """Resume the parsers that work again, and make due whatever waits for no parser any more."""
    paused = _longest_ago(ParserHealth.objects.filter(ParserHealth.PAUSED))
    trials = _try(paused)
    running = ParserHealth.objects.exclude(ParserHealth.PAUSED).filter(_due(now))
    others = list(_longest_ago(running)[:GROUPS])
    mended = {
        row.pk for row in others if most_can_be_parsed(letters.sample(row, DeadLetterState.RESTING))
    }
    with transaction.atomic():
        if not letters.alone():
            return
        tally = AccountingTally()
        looked_at = trials.tried | {row.pk for row in others}
        for row in ParserHealth.objects.filter(pk__in=looked_at).order_by("id"):
            works = row.pk in trials.working
            _move_letters(row, now, tally, works=works, mended=row.pk in mended)
        retention.make_room(now)
        accounting.move(tally)


def replay(ids: Iterable[int]) -> int:
    """Have these replayed soon, whatever becomes of them. Gives their number."""
    with transaction.atomic():
        tally = AccountingTally()
        asked = list(ids)
        number = letters.request(asked, tally)
        accounting.move(tally)
        audit.record_by_site("replayed", DeadLetter, asked)
    return number


def _longest_ago(rows: QuerySet[ParserHealth]) -> QuerySet[ParserHealth]:
    return rows.order_by(F("attended_at").asc(nulls_first=True), "id")


def _due(now: datetime) -> Q:
    """Just resumed, so that batches may be under way which do not know; or not looked at for a
    while.
    """
    return (
        Q(attended_at=None)
        | Q(attended_at__lt=now - FAILED_EVERY)
        | Q(resumed_at__gt=F("attended_at") - LATE)
    )


def _try(paused: Iterable[ParserHealth]) -> Trials:
    trials = Trials()
    by_parser: defaultdict[str, list[ParserHealth]] = defaultdict(list)
    for row in paused:
        by_parser[row.parser_name].append(row)
    for rows in by_parser.values():
        for number, row in enumerate(rows):
            if number == PROBES and not trials.working.intersection(row.pk for row in rows):
                break
            trials.tried.add(row.pk)
            if _works(row):
                trials.working.add(row.pk)
    return trials


def _works(row: ParserHealth) -> bool:
    """Without dead letters there is nothing that could fail again."""
    sample = letters.sample(row, DeadLetterState.WAITING)
    return not sample or most_can_be_parsed(sample)


def _move_letters(
    row: ParserHealth, now: datetime, tally: AccountingTally, *, works: bool, mended: bool
) -> None:
    """Batches that were under way at a pause counted as failed what is to be kept, and at its end
    kept what is not.
    """
    row = ParserHealth.objects.select_for_update().get(pk=row.pk)
    if row.paused_since is not None and (
        row.attended_at is None or row.attended_at < row.paused_since + LATE
    ):
        letters.adopt_before(row, row.paused_since, row.resumed_at or now, tally)
    if works and row.is_paused:
        parser_health.resume(row, now)
    if mended and not row.is_paused:
        letters.adopt(row, DeadLetterState.DUE, _BEGINNING, now, tally)
    if not row.is_paused:
        letters.release(row)
    row.attended_at = now
    row.save()
