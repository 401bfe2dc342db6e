"""Raw messages looked after: tried on their parser now and then, and made due once it works again.

`attend` runs every 10 s in some task worker; twice at once does no harm. Each trial is made with
the parsers of the process it runs in: one that still has the broken version finds it broken, and
leaves the messages to one that has not.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from mqtt_app.models import KeptMessage, KeptState, ParserHealth
from mqtt_app.services import accounting, audit
from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.dead_letters import parser_health
from mqtt_app.services.dead_letters import rows as kept_rows
from mqtt_app.services.replay.sandbox import most_can_be_parsed

# sites at which a paused parser is tried; only if it works at one of them, all the others are
PROBES = 20
GROUPS = 100  # parsers at sites that are not paused, looked at in one round
FAILED_EVERY = timedelta(seconds=60)  # between two looks at messages that failed without a pause
LATE = timedelta(seconds=2 * kept_rows.LATE)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def attend(now: datetime) -> None:
    """Resume the parsers that work again, and have parsed whatever waits for no parser any more."""
    paused = _longest_ago(ParserHealth.objects.filter(ParserHealth.PAUSED))
    working, tried = _trials(paused)
    others = list(
        _longest_ago(ParserHealth.objects.exclude(ParserHealth.PAUSED).filter(_due(now)))[:GROUPS]
    )
    mended = {
        row.pk for row in others if most_can_be_parsed(kept_rows.sample(row, KeptState.FAILED))
    }
    with transaction.atomic():
        if not kept_rows.alone():
            return
        tally = AccountingTally()
        for row in ParserHealth.objects.filter(
            pk__in=working | tried | {one.pk for one in others}
        ).order_by("id"):
            _look_after(row, now, tally, works=row.pk in working, mended=row.pk in mended)
        kept_rows.forget_failed(now)
        accounting.move(tally)


def parse_again(ids: Iterable[int]) -> int:
    """Have these parsed soon, whatever becomes of them. Gives their number."""
    with transaction.atomic():
        tally = AccountingTally()
        asked = list(ids)
        number = kept_rows.ask_for(asked, tally)
        accounting.move(tally)
        audit.record_by_site("parsed again", KeptMessage, asked)
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


def _trials(paused: Iterable[ParserHealth]) -> tuple[set[int], set[int]]:
    """Ids of those that work, and of those that were tried."""
    working: set[int] = set()
    tried: set[int] = set()
    by_parser: defaultdict[str, list[ParserHealth]] = defaultdict(list)
    for row in paused:
        by_parser[row.parser_name].append(row)
    for rows in by_parser.values():
        for number, row in enumerate(rows):
            if number == PROBES and not working.intersection(one.pk for one in rows):
                break
            tried.add(row.pk)
            if _works(row):
                working.add(row.pk)
    return working, tried


def _works(row: ParserHealth) -> bool:
    """With nothing kept there is nothing that could fail again."""
    sample = kept_rows.sample(row, KeptState.KEPT)
    return not sample or most_can_be_parsed(sample)


def _look_after(
    row: ParserHealth, now: datetime, tally: AccountingTally, *, works: bool, mended: bool
) -> None:
    """Batches that were under way at a pause counted as failed what is to be kept, and at its end
    kept what is not.
    """
    row = ParserHealth.objects.select_for_update().get(pk=row.pk)
    if row.paused_since is not None and (
        row.attended_at is None or row.attended_at < row.paused_since + LATE
    ):
        kept_rows.adopt_before(row, row.paused_since, row.resumed_at or now, tally)
    if works and row.is_paused:
        parser_health.resume(row, now)
    if mended and not row.is_paused:
        kept_rows.adopt(row, KeptState.DUE, _BEGINNING, now, tally)
    if not row.is_paused:
        kept_rows.release(row)
        kept_rows.forget_oldest_failed(row)
    row.attended_at = now
    row.save()
