"""Messages of a batch that gave no facts: each failed by itself, or its parser fails on most, and
they become dead letters.

Up to a limit the bytes of the former stay for a while too: when the parser turns out to be at
fault, what failed before that was known becomes a dead letter as well.
"""

from collections import Counter
from collections.abc import Collection, Sequence

from mqtt_app.domain.accounting import Term
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import ParseError, ParseErrorKind
from mqtt_app.domain.ingest.minutes import count
from mqtt_app.models import DeadLetterState, ParserHealth
from mqtt_app.parsers.base import MAX_PAYLOAD
from mqtt_app.services.dead_letters import parser_health, rows
from mqtt_app.services.dead_letters.parser_health import Scope
from mqtt_app.services.dead_letters.parsing_log import ParseFailure, log_failures
from mqtt_app.services.ingest.parsing.facts import BatchFacts
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.problems.parsing import count_failures

CAPTURED = "no parser reads its topic; kept because the site captured such messages"
RAW_A_MINUTE = 2_000  # failed messages of one parser at one site whose bytes stay, for each process


def record(facts: BatchFacts, run: Run) -> None:
    """Count, keep and log. A batch without a failure costs no statement."""
    failures = facts.failures
    _keep(facts.captured, run)
    before = {(rules.site_id, name) for rules in run.rules.values() for name in rules.paused}
    paused = parser_health.observe(
        parser_health.BatchCounts(
            parsed=Counter(parsed.scope for parsed in facts.parsed),
            failed=Counter(failure.scope for failure in failures),
            errors={failure.scope: str(failure.error) for failure in failures},
        ),
        before,
        run.memory.parsed,
        run.now,
    )
    if not failures:
        return
    for site_id, name in paused - before:
        row = ParserHealth(site_id=site_id, parser_name=name)
        rows.adopt_before(row, run.now, run.now, run.tally)
    full = {rules.site_id for rules in run.rules.values() if rules.is_full}
    _wait_or_fail(failures, {scope for scope in paused if scope[0] not in full}, run)
    log_failures(failures, run.memory.logged)
    count_failures(failures, run.now)


def _keep(captured: Sequence[Envelope], run: Run) -> None:
    """Dead letters that rest until somebody replays them, counted as failed: a replay moves them to
    what is stored. They are no error of a parser, so neither logged nor judged.
    """
    kept: list[ParseFailure] = []
    for message in captured:
        if len(message.payload) > MAX_PAYLOAD:
            run.tally.add(message.site_id, Term.UNPROCESSABLE)
            continue
        run.tally.add(message.site_id, Term.FAILED)
        kept.append(ParseFailure(message, "", ParseError(ParseErrorKind.UNKNOWN, CAPTURED)))
    rows.insert(kept, DeadLetterState.RESTING, run.now)


def _wait_or_fail(failures: Sequence[ParseFailure], scopes: Collection[Scope], run: Run) -> None:
    """`scopes`: whose failures wait for their parser."""
    waiting: list[ParseFailure] = []
    failed: list[ParseFailure] = []
    for failure in failures:
        waits = failure.scope in scopes and _may_be_replayed(failure)
        (waiting if waits else failed).append(failure)
    rows.insert(waiting, DeadLetterState.WAITING, run.now)
    for failure in waiting:
        run.tally.keep(failure.message.site_id, 1, len(failure.message.payload))
    for failure in failed:
        run.tally.add(failure.message.site_id, Term.FAILED)
    rows.insert(
        [failure for failure in failed if _may_stay(failure, run)], DeadLetterState.RESTING, run.now
    )


def _may_be_replayed(failure: ParseFailure) -> bool:
    """No parser is ever given a larger one, so it is the message that is at fault."""
    return len(failure.message.payload) <= MAX_PAYLOAD


def _may_stay(failure: ParseFailure, run: Run) -> bool:
    used = count(run.memory.raw, failure.scope, run.now.timestamp())
    return used < RAW_A_MINUTE and _may_be_replayed(failure)
