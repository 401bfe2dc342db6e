"""From a batch of messages to committed rows: every step once, in order. This is the heart of the
product.

All of it is one transaction, together with the receipt that makes a repeated batch harmless. The
owner of the MQTT session acknowledges to the broker only after the commit; what fails before it is
sent again.

    batch
      │
      1 claim      receipt, owners held, rules read     ──► committed before: done
      2 accept     sites whose dead letters are full    ──► postponed: offered again later
      3 admit      duplicates, messages of past owners  ──► counted, or skipped
      4 discover   topics found, made, recognised       ──► no row: dropped
      5 parse      messages to facts                    ──► switched off, not recognised: counted
      6 look up    descriptions kept and applied; devices, gateways and metrics found, made
                                                        ──► over the quota: dropped
      7 copy       readings, by COPY
      8 record     messages that failed, and notices    ──► dead letters, parsing log
      9 send       together: latest values, presence, topic counts, samples, deliveries, accounting
     10 check      topics and devices still as they were remembered, else all of it again
     11 change     statuses that change, hidden devices
     12 note       in the receipt, which connections were skipped or postponed
      │
    commit ──► what was learnt is remembered, events and open tails to the browsers

PostgreSQL is waited for four times: at 1, 7, 9 and the commit; 3, 4, 6, 8, 11 and 12 cost a
statement only where there is something new. The steps share one `Run`. A batch that its owner
marked, because it killed the process that parsed it, becomes a dead letter after step 3.

When the database, or our own code, refuses something at any step, the batch is done again with care
(`careful/isolate.py`): steps 2 to 11 for parts of it under savepoints, until the message that is at
fault is alone and becomes a dead letter. A replay of dead letters has steps 4 to 7, 9 and 11.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import msgspec

from mqtt_app.conf import config
from mqtt_app.domain.accounting import Term
from mqtt_app.domain.delivery.faults import Fault
from mqtt_app.domain.delivery.messages import Batch, Envelope
from mqtt_app.models import DeadLetterReason
from mqtt_app.services import accounting
from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.dead_letters import rows as dead_letters
from mqtt_app.services.dead_letters.parsing_log import ParseFailure
from mqtt_app.services.ingest.admission.claim import claim, note_exceptions
from mqtt_app.services.ingest.admission.postpone import accept
from mqtt_app.services.ingest.admission.redeliveries import admit, remember
from mqtt_app.services.ingest.announce import announce
from mqtt_app.services.ingest.careful.isolate import Isolation, limit_statements
from mqtt_app.services.ingest.careful.refused import give_up
from mqtt_app.services.ingest.devices.descriptions import describe
from mqtt_app.services.ingest.devices.directory import look_up
from mqtt_app.services.ingest.devices.heard import Death, deaths
from mqtt_app.services.ingest.devices.presence import Marked, change, mark
from mqtt_app.services.ingest.faults import as_parse_error, fault_of
from mqtt_app.services.ingest.notices import write as write_notices
from mqtt_app.services.ingest.parsing.facts import BatchFacts
from mqtt_app.services.ingest.parsing.failures import record
from mqtt_app.services.ingest.parsing.parse import parse
from mqtt_app.services.ingest.readings.latest import keep_latest
from mqtt_app.services.ingest.readings.rows import ReadingRows, copy, rows_of
from mqtt_app.services.ingest.run import Run, savepoint
from mqtt_app.services.ingest.tailing import show
from mqtt_app.services.ingest.topics.discovery import discover
from mqtt_app.services.ingest.topics.folding import remember as remember_members
from mqtt_app.services.ingest.topics.rows import count
from mqtt_app.services.ingest.topics.sampling import sample
from mqtt_app.services.ingest.transaction import Done, StoreAttempt, commit
from mqtt_app.services.postgres.statements import Query, send

log = logging.getLogger(__name__)


class Outcome(msgspec.Struct, frozen=True):
    """`repeated`: the batch was committed before. `skipped`: connections whose messages a newer
    owner will bring. `postponed`: connections whose messages this owner has to bring again.
    `refused`: connections of which messages were refused, so that they cost the others time.
    """

    repeated: bool = False
    skipped: frozenset[int] = frozenset()
    postponed: frozenset[int] = frozenset()
    refused: frozenset[int] = frozenset()


class Pending(msgspec.Struct, frozen=True):
    """Facts whose readings are copied: the statements that remain, the devices that they mark as
    heard, and the nodes that are gone.
    """

    queries: list[Query] = []
    marked: list[Marked] = []
    deaths: list[Death] = []


def store(batch: Batch, now: float) -> Outcome:
    """`now` is unix seconds. Raises when nothing can be committed, for no message's fault: it is
    then sent again.
    """
    return commit(partial(_store, batch, datetime.fromtimestamp(now, UTC)))


def _store(batch: Batch, now: datetime, attempt: StoreAttempt) -> Done[Outcome]:
    claimed = claim(batch, now)
    if claimed.earlier is not None:
        earlier = claimed.earlier
        return Done(Outcome(True, skipped=earlier.skipped, postponed=earlier.postponed))
    run = Run(now=now, rules=claimed.rules, memory=attempt.memory)
    is_current = True
    if attempt.careful:
        _store_carefully(batch, run)
    else:
        run.tally = AccountingTally(batch.drops)
        is_current = _store_messages(batch, batch.messages, run, whole=True)
    note_exceptions(batch, run)
    outcome = Outcome(
        skipped=frozenset(run.skipped),
        postponed=frozenset(run.postponed),
        refused=frozenset(run.refused),
    )
    return Done(outcome, is_stale=not is_current)


def _store_messages(batch: Batch, messages: Sequence[Envelope], run: Run, *, whole: bool) -> bool:
    """Messages of the batch; `whole`: all that it has of their connections. False when a row was
    not as it was remembered: nothing of it may be committed.
    """
    if whole and not batch.dead_letter_reason:
        accepted = accept(messages, run)
    else:
        accepted = messages
    admitted = admit(accepted, run)
    if batch.dead_letter_reason:
        _write_unparsed(admitted, batch.dead_letter_reason, run)
        return True
    topics = discover(admitted, run)
    facts = parse(admitted, topics, run)
    pending = _store_facts(facts, run)
    record(facts, run)
    write_notices(facts.notices, run)
    counted = count(admitted, topics.rows)
    members = remember_members(admitted, topics.rows, run)
    samples = sample(admitted, topics.rows, run)
    deliveries = remember(admitted, run)
    sums = accounting.queries(run.tally, run.now)
    send([*pending.queries, *counted.queries, *members, *samples, *deliveries, *sums])
    announce(run.take_tally())
    show(admitted, topics.rows, facts, run)
    return not counted.is_stale and change(pending.marked, pending.deaths, run)


def _store_facts(facts: BatchFacts, run: Run) -> Pending:
    """Steps 6 and 7, and the statements of their part in step 9."""
    if not facts.parsed:
        return Pending(facts.queries)
    describe(facts, run)
    directory = look_up(facts.naming, run)
    readings = rows_of(facts.parsed, directory, run)
    facts.notices += readings.notices
    copy(readings.rows)
    if run.is_trial:
        run.rows += readings.rows
    marked = mark(facts.naming, directory, run)
    _count_stored(facts, readings, run)
    latest = keep_latest(readings.rows)
    still = [found.still for found in marked]
    return Pending(
        [*facts.queries, *readings.queries, *latest, *still], marked, deaths(facts.naming)
    )


def _count_stored(facts: BatchFacts, readings: ReadingRows, run: Run) -> None:
    stored = Counter(parsed.message.site_id for parsed in facts.parsed)
    for message in readings.over_quota:
        stored[message.site_id] -= 1
        run.tally.drop(message.site_id, "device_quota")
    for site_id, number in stored.items():
        run.tally.add(site_id, Term.STORED, number)
    run.tally.add_readings(readings.by_site)
    if run.is_replay:
        dropped = {message.packet_id for message in readings.over_quota}
        run.stored |= {parsed.message.packet_id for parsed in facts.parsed} - dropped


def _write_unparsed(messages: Sequence[Envelope], reason: str, run: Run) -> None:
    dead_letters.insert_unparsed(messages, DeadLetterReason.UNSTORED, reason, run.now, run.tally)
    send([*remember(messages, run), *accounting.queries(run.tally, run.now)])
    announce(run.take_tally())


def _store_carefully(batch: Batch, run: Run) -> None:
    limit_statements()
    _count_drops(batch, run)
    insist = batch.tries >= config().quarantine_after
    Isolation(partial(_store_messages, batch), give_up, insist=insist).run(batch.messages, run)


def _count_drops(batch: Batch, run: Run) -> None:
    try:
        with savepoint(run) as part:
            part.tally = AccountingTally(batch.drops)
            send(accounting.queries(part.tally, part.now))
            announce(part.take_tally())
    except Exception as error:
        if fault_of(error) in {Fault.AWAY, Fault.CONFLICT}:
            raise
        log.exception("What an MQTT worker dropped could not be counted: %s", batch.drops)


def parse_again(messages: Sequence[Envelope], run: Run, *, careful: bool) -> Pending:
    """Dead letters, counted when they came. `run.failures` has those that fail; what becomes of
    them, and of what is pending, is up to the caller.
    """
    if not careful:
        return _parse_again(messages, run)
    limit_statements()
    Isolation(_parse_again_alone, _fail, patient=True).run(messages, run)
    return Pending()


def _parse_again(messages: Sequence[Envelope], run: Run) -> Pending:
    facts = parse(messages, discover(messages, run), run)
    run.failures += facts.failures
    pending = _store_facts(facts, run)
    write_notices(facts.notices, run)
    return pending


def _parse_again_alone(
    messages: Sequence[Envelope],
    run: Run,
    *,
    whole: bool,  # noqa: ARG001  no site is postponed in a replay
) -> bool:
    pending = _parse_again(messages, run)
    send(pending.queries)
    return change(pending.marked, pending.deaths, run)


def _fail(message: Envelope, error: Exception, run: Run) -> None:
    run.failures.append(ParseFailure(message, "", as_parse_error(error)))
