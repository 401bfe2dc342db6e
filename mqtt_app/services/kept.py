"""Kept messages: tried on their parser now and then, and stored once it works again.

`attend` decides what is to be parsed, `drain` parses it, a bounded batch at a time, each in the order in which it came.
Both may run in any task worker, at any time and at once. Each trial is made with the parsers of the process it runs in:
one that still has the broken version finds it broken, and leaves the messages to one that has not.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import connection, transaction

from mqtt_app.domain import parser_health as rules
from mqtt_app.models import KeptMessage, KeptState, ParserHealth
from mqtt_app.models.locks import KEPT_LOCK
from mqtt_app.services import ingest, ingest_books, ingest_context, ingest_topics, kept_rows, parser_health
from mqtt_app.services.ingest_books import Failure, Tally
from mqtt_app.services.ingest_parsers import can_parse
from mqtt_app.services.parser_health import Scope

BATCH = 1_000  # messages parsed in one transaction
SAMPLE = 20  # messages of a trial
GROUPS = 50  # of failed messages that one round tries; the rest comes with the next ones
LATE = timedelta(seconds=kept_rows.LATE)
_PAUSED = ParserHealth.PAUSED
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def attend(now: datetime) -> None:
    """Try what paused parsers left, resume those that work again, and tidy up."""
    working = [row for row in ParserHealth.objects.filter(_PAUSED) if _works(row.site_id, row.parser_name)]
    mended = [scope for scope in _failed_scopes() if _parses(kept_rows.sample(scope, KeptState.FAILED, SAMPLE))]
    with transaction.atomic():
        if not _alone():
            return
        tally = Tally()
        _adopt_late(now, tally)
        for row in ParserHealth.objects.select_for_update().filter(_PAUSED, pk__in=[row.pk for row in working]):
            parser_health.resume(row, now)
            row.save()
        for scope in mended:
            kept_rows.adopt(scope, KeptState.DUE, _BEGINNING, now, tally)
        paused = ParserHealth.objects.filter(_PAUSED).values_list("site_id", "parser_name")
        kept_rows.release(list(paused))
        kept_rows.prune(now)
        ingest_books.write(tally, None)


def drain(now: float) -> bool:
    """Parse and store the next batch that is due. Says whether there may be more. Raises django.db.Error."""
    return ingest.commit(partial(_drain, datetime.fromtimestamp(now, UTC)))


def parse_again(ids: Iterable[int]) -> int:
    """Have these parsed soon, whatever becomes of them. Gives their number."""
    with transaction.atomic():
        tally = Tally()
        number = kept_rows.ask_for(ids, tally)
        ingest_books.write(tally, None)
    return number


def _works(site_id: int, parser_name: str) -> bool:
    """With nothing kept there is nothing that could fail again."""
    sample = kept_rows.sample((site_id, parser_name), KeptState.KEPT, SAMPLE)
    return not sample or _parses(sample)


def _parses(rows: Collection[KeptMessage]) -> bool:
    """Would the parsers of this process make something of most of these?"""
    messages = kept_rows.envelopes(rows)
    ingest_topics.forget()
    topics = ingest_topics.find({(message.connection_id, message.topic) for message in messages})
    parsed = sum(can_parse(message, topics.get((message.connection_id, message.topic))) for message in messages)
    return rules.passes(parsed, len(messages) - parsed)


def _failed_scopes() -> list[Scope]:
    """Where messages failed whose parser is not paused."""
    paused = set(ParserHealth.objects.filter(_PAUSED).values_list("site_id", "parser_name"))
    failed = KeptMessage.objects.filter(state=KeptState.FAILED, tries=0).order_by("site_id", "parser_name")
    scopes = failed.values_list("site_id", "parser_name").distinct()
    return [scope for scope in scopes if scope not in paused][:GROUPS]


def _adopt_late(now: datetime, tally: Tally) -> None:
    """Batches that were under way when a parser was paused counted their failures as failed."""
    for row in ParserHealth.objects.filter(paused_since__isnull=False):
        if row.paused_since is not None and (row.resumed_at is None or row.resumed_at > now - 2 * LATE):
            scope = (row.site_id, row.parser_name)
            kept_rows.adopt_before(scope, row.paused_since, row.resumed_at or now, tally)


def _drain(now: datetime, careful: bool) -> bool:
    rows = kept_rows.take_due(BATCH) if _alone() else []
    if not rows:
        return False
    tally = Tally()
    messages = kept_rows.envelopes(rows)
    context = ingest_context.open_for(messages, now, careful=careful, late=True)
    for message in messages:
        if message.connection_id not in context.rules:
            tally.drop(message.site_id, "connection_deleted")
    present = [message for message in messages if message.connection_id in context.rules]
    _settle(rows, ingest.process_again(present, context, tally, now), tally, now)
    ingest.close(tally, None)
    return len(rows) == BATCH


def _settle(rows: Sequence[KeptMessage], failures: Sequence[Failure], tally: Tally, now: datetime) -> None:
    """Those that failed again: each for itself, or, when most did, their parser does not work after all."""
    failed = {failure.message.packet_id: failure for failure in failures}
    unfit = _still_failing(rows, failed.keys())
    back = [row for row in rows if row.pk in failed and _scope(row) in unfit and row.state == KeptState.DUE]
    back_ids = {row.pk for row in back}
    lost = [row for row in rows if row.pk in failed and row.pk not in back_ids]
    for row in rows:
        if row.pk not in back_ids:
            tally.keep(row.site_id, -1, -len(row.payload))
    for row in lost:
        tally.add(row.site_id, "failed")
    _move(back, KeptState.KEPT)
    _move(lost, KeptState.FAILED)
    KeptMessage.objects.filter(pk__in=[row.pk for row in rows if row.pk not in failed]).delete()
    ingest_books.log_failures([failed[row.pk] for row in lost])
    for scope, (count, total) in unfit.items():
        error = next(str(failed[row.pk].error) for row in back if _scope(row) == scope)
        _pause_again(scope, count, total, error, now)


def _still_failing(rows: Iterable[KeptMessage], failed: Collection[int]) -> dict[Scope, tuple[int, int]]:
    """(failures, messages) of parsers that failed on most of what was due; too few prove nothing."""
    due = [row for row in rows if row.state == KeptState.DUE]
    totals, bad = Counter(map(_scope, due)), Counter(_scope(row) for row in due if row.pk in failed)
    few = parser_health.rule().few
    return {
        scope: (count, totals[scope])
        for scope, count in bad.items()
        if count >= few and not rules.passes(totals[scope] - count, count)
    }


def _move(rows: Sequence[KeptMessage], state: KeptState) -> None:
    for row in rows:
        row.state, row.tries = state, row.tries + 1
    KeptMessage.objects.bulk_update(rows, ("state", "tries"))


def _pause_again(scope: Scope, failed: int, total: int, error: str, now: datetime) -> None:
    site_id, name = scope
    row, _ = ParserHealth.objects.select_for_update().get_or_create(site_id=site_id, parser_name=name)
    if not row.is_paused:
        parser_health.pause(row, failed, total, error, now)
        row.save()


def _scope(row: KeptMessage) -> Scope:
    return row.site_id, row.parser_name


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s::bigint)", [KEPT_LOCK])
        return bool(cursor.fetchone()[0])
