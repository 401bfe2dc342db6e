"""Messages of a batch that gave no readings: each failed by itself, or its parser fails on most,
and they are kept.

Up to a limit the bytes of the former stay for a while too: when the parser turns out to be at
fault, what failed before that was known is kept as well.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from mqtt_app.models import KeptState, ParserHealth
from mqtt_app.parsers.base import MAX_PAYLOAD
from mqtt_app.services import accounting
from mqtt_app.services.accounting import AccountingTally, ParseFailure
from mqtt_app.services.dead_letters import parser_health, rows
from mqtt_app.services.dead_letters.parser_health import Scope
from mqtt_app.services.ingest.admission.claim import Admission

RAW_A_MINUTE = 2_000  # failed messages of one parser at one site whose bytes stay, for each process


def settle(
    good: Mapping[Scope, int],
    failures: Sequence[ParseFailure],
    context: Admission,
    tally: AccountingTally,
    now: datetime,
) -> None:
    """Count, keep and log. `good`: how many were parsed and stored."""
    before = {(rules.site_id, name) for rules in context.rules.values() for name in rules.paused}
    errors = {scope_of(failure): str(failure.error) for failure in failures}
    paused = parser_health.observe(good, Counter(map(scope_of, failures)), before, errors, now)
    if failures:
        for site_id, name in paused - before:
            rows.adopt_before(ParserHealth(site_id=site_id, parser_name=name), now, now, tally)
        full = {rules.site_id for rules in context.rules.values() if rules.is_full}
        keepable = {scope for scope in paused if scope[0] not in full}
        _keep_or_fail(failures, keepable, tally, now)
        accounting.log_failures(failures)


def scope_of(failure: ParseFailure) -> Scope:
    return failure.message.site_id, failure.parser_name


def fail(failures: Sequence[ParseFailure], tally: AccountingTally, now: datetime) -> None:
    """Each for itself. The bytes of some stay."""
    for failure in failures:
        tally.add(failure.message.site_id, "failed")
    rows.insert([failure for failure in failures if _may_stay(failure, now)], KeptState.FAILED, now)


def _keep_or_fail(
    failures: Sequence[ParseFailure],
    scopes: Collection[Scope],
    tally: AccountingTally,
    now: datetime,
) -> None:
    """`scopes`: whose failures are kept."""
    kept = [
        failure for failure in failures if scope_of(failure) in scopes and _is_keepable(failure)
    ]
    rows.insert(kept, KeptState.KEPT, now)
    for failure in kept:
        tally.keep(failure.message.site_id, 1, len(failure.message.payload))
    known = set(map(id, kept))
    fail([failure for failure in failures if id(failure) not in known], tally, now)


def _is_keepable(failure: ParseFailure) -> bool:
    """No parser is ever given a larger one, so it is the message that is at fault."""
    return len(failure.message.payload) <= MAX_PAYLOAD


minute_of: defaultdict[Scope, tuple[int, int]] = defaultdict(lambda: (0, 0))


def _may_stay(failure: ParseFailure, now: datetime) -> bool:
    minute, scope = int(now.timestamp() // 60), scope_of(failure)
    started, used = minute_of[scope]
    used = used if started == minute else 0
    minute_of[scope] = (minute, used + 1)
    return used < RAW_A_MINUTE and _is_keepable(failure)
