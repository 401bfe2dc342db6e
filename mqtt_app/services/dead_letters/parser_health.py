"""How parsers do at each site, counted by all task workers together; which are paused, and which
work again.

A batch in which nothing fails costs no statement: what it parsed is remembered in this process, and
shared with the next batch that has a failure.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import partial

import msgspec
from django.db import transaction

from mqtt_app.conf import config
from mqtt_app.domain.dead_letters import parser_health
from mqtt_app.domain.dead_letters.parser_health import Health, HealthRule, Window
from mqtt_app.domain.ingest.samples import storable
from mqtt_app.logging_utils import log_connection_event
from mqtt_app.models import LogLevel, MqttConnection, MqttParsingLog, ParserHealth, ParsingErrorType

Scope = tuple[int, str]  # site id, parser name

_PAUSED = (
    "The parser {name} is paused at this site: it failed on {failed:,} of {total:,} messages."
    " What it cannot parse is kept, and stored once it works again. The last failure: {error}"
)
_RESUMED = "The parser {name} works again at this site. What was kept is being stored."

Unshared = MutableMapping[Scope, Window]
"""What parsers parsed in this process, and the other processes do not know of yet."""


class ScopeCount(msgspec.Struct, frozen=True):
    parsed: int
    failed: int


class BatchCounts(msgspec.Struct, frozen=True):
    """Messages of a batch that were parsed, and that failed; the last error of each scope."""

    parsed: Mapping[Scope, int]
    failed: Mapping[Scope, int]
    errors: Mapping[Scope, str]


def rule() -> HealthRule:
    return HealthRule(enough=config().parser_enough, seconds=config().parser_window)


def observe(
    batch: BatchCounts, paused: Iterable[Scope], unshared: Unshared, now: datetime
) -> set[Scope]:
    """Count a batch; `paused` are scopes that were paused when it began. Gives those that are
    paused now.
    """
    before = set(paused)
    to_share = batch.failed.keys() | (before & batch.parsed.keys())
    for scope, number in batch.parsed.items():
        if scope not in to_share:
            unshared[scope] = parser_health.extended(
                unshared.get(scope), number, 0, now.timestamp(), rule()
            )
    if not to_share:
        return before
    counts = {
        scope: ScopeCount(
            parsed=batch.parsed.get(scope, 0) + _share(scope, unshared, now),
            failed=batch.failed.get(scope, 0),
        )
        for scope in to_share
    }
    rows = _locked(counts)
    for row in rows:
        _count(row, counts[scope_of(row)], now)
        _judge(row, batch.errors, now)
    _judge_together([row for row in rows if not row.is_paused], batch.errors, now)
    ParserHealth.objects.bulk_update(rows, _FIELDS)
    return (before - counts.keys()) | {scope_of(row) for row in rows if row.is_paused}


def scope_of(row: ParserHealth) -> Scope:
    return row.site_id, row.parser_name


def pause(row: ParserHealth, failed: int, total: int, error: str, now: datetime) -> None:
    """The caller saves the row, within a transaction."""
    row.paused_since = now
    row.resumed_at = None
    row.last_parsed_at = None
    row.reason = storable(error)[:500]
    text = _PAUSED.format(name=row.parser_name, failed=failed, total=total, error=row.reason)
    MqttParsingLog.objects.create(
        site_id=row.site_id,
        topic="",
        parser_name=row.parser_name,
        error_type=ParsingErrorType.UNKNOWN_ERROR,
        error_message=text,
    )
    transaction.on_commit(partial(_log, row.site_id, LogLevel.ERROR, text))


def resume(row: ParserHealth, now: datetime) -> None:
    """The caller saves the row, within a transaction."""
    row.resumed_at = now
    _begin_window(row, now)
    transaction.on_commit(
        partial(_log, row.site_id, LogLevel.INFO, _RESUMED.format(name=row.parser_name))
    )


_FIELDS = (
    "window_started",
    "parsed",
    "failed",
    "paused_since",
    "resumed_at",
    "last_parsed_at",
    "reason",
)


def _locked(scopes: Iterable[Scope]) -> list[ParserHealth]:
    """The rows of these scopes, made where there are none, always in one order."""
    wanted = set(scopes)
    rows = _read(wanted)
    if len(rows) < len(wanted):
        missing = sorted(wanted - {scope_of(row) for row in rows})
        made = [ParserHealth(site_id=site_id, parser_name=name) for site_id, name in missing]
        ParserHealth.objects.bulk_create(made, ignore_conflicts=True)
        rows = _read(wanted)
    return rows


def _read(wanted: set[Scope]) -> list[ParserHealth]:
    found = ParserHealth.objects.select_for_update().filter(
        site_id__in={site_id for site_id, _ in wanted}, parser_name__in={name for _, name in wanted}
    )
    return [row for row in found.order_by("id") if scope_of(row) in wanted]


def _count(row: ParserHealth, counted: ScopeCount, now: datetime) -> None:
    window = parser_health.extended(
        _window(row), counted.parsed, counted.failed, now.timestamp(), rule()
    )
    row.window_started = datetime.fromtimestamp(window.started, UTC)
    row.parsed = window.parsed
    row.failed = window.failed
    if counted.parsed and row.is_paused:
        row.last_parsed_at = now


def _judge(row: ParserHealth, errors: Mapping[Scope, str], now: datetime) -> None:
    window = _window(row)
    found = parser_health.judged(window, rule())
    if row.is_paused and parser_health.has_recovered(window, rule()):
        resume(row, now)
    elif not row.is_paused and found is Health.FAILING:
        pause(row, row.failed, window.total, errors.get(scope_of(row), ""), now)
    if found is not Health.UNDECIDED:
        _begin_window(row, now)


def _judge_together(
    rows: Iterable[ParserHealth], errors: Mapping[Scope, str], now: datetime
) -> None:
    """A parser may fail at a hundred sites, and at none of them often enough to decide."""
    suspects = [row for row in rows if parser_health.takes_part(_window(row), rule())]
    by_parser: defaultdict[str, list[ParserHealth]] = defaultdict(list)
    for row in suspects:
        by_parser[row.parser_name].append(row)
    for name, own in by_parser.items():
        others = ParserHealth.objects.filter(parser_name=name).exclude(
            pk__in=[row.pk for row in own]
        )
        windows = [_window(row) for row in [*own, *others]]
        if parser_health.failing_everywhere(windows, now.timestamp(), rule()):
            for row in own:
                error = errors.get(scope_of(row), "")
                pause(row, row.failed, row.parsed + row.failed, error, now)


def _begin_window(row: ParserHealth, now: datetime) -> None:
    row.window_started = now
    row.parsed = 0
    row.failed = 0


def _window(row: ParserHealth) -> Window:
    return Window(row.window_started.timestamp(), row.parsed, row.failed)


def _share(scope: Scope, unshared: Unshared, now: datetime) -> int:
    """What was parsed before; from here on it is known to all."""
    window = unshared.get(scope)
    if window is None or not parser_health.is_open(window, now.timestamp(), rule()):
        return 0
    unshared[scope] = Window(window.started)
    return window.parsed


def _log(site_id: int, level: str, text: str) -> None:
    for row in MqttConnection.objects.filter(site=site_id).only("id", "site_id", "broker_host"):
        log_connection_event(row, level, text)
