"""From a batch of messages to committed rows: discover, parse, store, mark seen. This is the heart
of the product.

Everything happens in one transaction, together with the receipt that makes a repeated batch
harmless. The owner of the MQTT session acknowledges to the broker only after it; whatever fails
before it is sent again.

    batch ──► admit ──► discover ──► parse ──► store + mark seen ──► settle ──► commit ──► events
               │           │           │
               │           │           └ ParseError: a parsing log row; kept while its parser is paused
               │           └ no topic that anybody has: dropped; switched off, or nobody's: counted
               └ seen before, or of a past owner: not stored again

When the database, or our own code, refuses something at any step, the batch is done again with care
(ingest_isolate): the message that is at fault becomes a dead letter, everything else is stored.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import msgspec
from django.db import transaction

from mqtt_app.conf import config
from mqtt_app.domain.delivery.faults import Fault
from mqtt_app.domain.delivery.messages import Batch, Envelope
from mqtt_app.domain.facts import ParseError
from mqtt_app.services.accounting import AccountingTally, ParseFailure
from mqtt_app.services.dead_letters import quarantine
from mqtt_app.services.ingest import admission, dead_letters, devices, parsing, postpone, readings
from mqtt_app.services.ingest import failures as ingest_failures
from mqtt_app.services.ingest import topics as ingest_topics
from mqtt_app.services.ingest.admission.claim import Admission
from mqtt_app.services.ingest.closing import close
from mqtt_app.services.ingest.faults import as_parse_error, fault_of
from mqtt_app.services.ingest.careful.isolate import Isolation, limit_statements, undone_on_failure
from mqtt_app.services.ingest.readings.rows import Parsed
from mqtt_app.services.ingest.topics.rows import Topics
from mqtt_app.services.postgres.statements import Later

log = logging.getLogger(__name__)

ATTEMPTS = 4  # of a batch that met another one in a deadlock, or a change of what it remembered


Result = TypeVar("Result")


class Outcome(msgspec.Struct, frozen=True):
    """`repeated`: the batch was committed before. `skipped`: connections whose messages a newer
    owner will bring. `postponed`: connections whose messages this owner has to bring again.
    `refused`: connections of which messages were refused, so that they cost the others time.
    """

    repeated: bool = False
    skipped: frozenset[int] = frozenset()
    postponed: frozenset[int] = frozenset()
    refused: frozenset[int] = frozenset()


def store(batch: Batch, now: float) -> Outcome:
    """`now` is unix seconds. Raises when nothing can be committed, for no message's fault: it is
    then sent again.
    """
    return commit(partial(_store, batch, datetime.fromtimestamp(now, UTC)))


def commit(work: Callable[[bool], Result]) -> Result:
    """What `work` gives, done in one transaction, again when another one came in between.

    It is told whether to be careful: something in it was refused, so find out what, under
    savepoints.
    """
    careful = False
    for _ in range(ATTEMPTS - 1):
        try:
            return _attempt(work, careful=careful)
        except Exception as error:
            fault = fault_of(error)
            if fault is Fault.AWAY or (careful and fault is not Fault.CONFLICT):
                raise
            careful = careful or fault is not Fault.CONFLICT
    return _attempt(work, careful=True)


def _attempt(work: Callable[[bool], Result], *, careful: bool) -> Result:
    try:
        with transaction.atomic():
            return work(careful)
    except BaseException:
        forget()
        raise


def forget() -> None:
    """What was learnt within something that is rolled back."""
    ingest_topics.forget()
    devices.forget()


def _store(batch: Batch, now: datetime, careful: bool) -> Outcome:
    context = admission.claim(batch, now, careful=careful)
    if not isinstance(context, Admission):
        return Outcome(True, *context)
    refused: set[int] = set()
    if careful:
        refused = _store_carefully(batch, context, now)
    else:
        _store_part(batch, batch.messages, context, AccountingTally(batch.drops), now)
    admission.note_exceptions(batch, context)
    return Outcome(
        skipped=frozenset(context.skipped),
        postponed=frozenset(context.postponed),
        refused=frozenset(refused),
    )


def _store_part(
    batch: Batch,
    messages: Sequence[Envelope],
    context: Admission,
    tally: AccountingTally,
    now: datetime,
    *,
    whole: bool = True,
) -> None:
    """Messages of the batch; `whole`: all that it has of their connections."""
    aside = batch.quarantine_reason
    taken = postpone.hold_back(messages, context) if whole and not aside else messages
    admitted = admission.admit(taken, context, tally)
    if aside:
        quarantine.put_aside(admitted, aside, tally)
    else:
        _process(admitted, context, tally, now)
    admission.remember(admitted, context, now)
    close(tally, now, context.later)


def _store_carefully(batch: Batch, context: Admission, now: datetime) -> set[int]:
    """Gives the connections of which something was refused."""

    def store_some(messages: Sequence[Envelope], *, whole: bool) -> None:
        part = context.part()
        _store_part(batch, messages, part, AccountingTally(), now, whole=whole)
        context.skipped |= part.skipped
        context.postponed |= part.postponed

    def give_up(message: Envelope, error: Exception) -> None:
        dead_letters.bury(message, error, context, now, forget)

    limit_statements()
    _count_drops(batch, now)
    insist = batch.tries >= config().quarantine_after
    isolation = Isolation(store_some, give_up, forget, insist=insist)
    isolation.run(batch.messages)
    context.postponed |= isolation.findings.postponed
    return isolation.findings.refused


def _count_drops(batch: Batch, now: datetime) -> None:
    try:
        with undone_on_failure(forget):
            close(AccountingTally(batch.drops), now, Later())
    except Exception as error:
        if fault_of(error) in {Fault.AWAY, Fault.CONFLICT}:
            raise
        log.exception("What an MQTT worker dropped could not be counted: %s", batch.drops)


def _process(
    messages: Sequence[Envelope], context: Admission, tally: AccountingTally, now: datetime
) -> None:
    topics = discover(messages, context, tally, now)
    parsed, failures = parse(messages, topics, tally)
    store_and_mark_seen(parsed, context, tally, now)
    ingest_topics.count(messages, topics.rows, context)
    good = Counter((entry.message.site_id, entry.parser_name) for entry in parsed)
    ingest_failures.settle(good, failures, context, tally, now)


def process_again(
    messages: Sequence[Envelope], context: Admission, tally: AccountingTally, now: datetime
) -> list[ParseFailure]:
    """Messages that were kept, and counted when they came. Gives those that fail; the caller
    decides what of them.
    """
    if context.careful:
        return _process_carefully(messages, context, tally, now)
    forget()
    parsed, failures = parse(messages, discover(messages, context, tally, now), tally)
    store_and_mark_seen(parsed, context, tally, now)
    return failures


def _process_carefully(
    messages: Sequence[Envelope], context: Admission, tally: AccountingTally, now: datetime
) -> list[ParseFailure]:
    failures: list[ParseFailure] = []

    def store_some(messages: Sequence[Envelope], *, whole: bool) -> None:  # noqa: ARG001  no site is postponed here
        part, counted = context.part(), AccountingTally()
        parsed, failed = parse(messages, discover(messages, part, counted, now), counted)
        store_and_mark_seen(parsed, part, counted, now)
        part.later.run()
        tally.merge(counted)
        failures.extend(failed)

    def give_up(message: Envelope, error: Exception) -> None:
        failures.append(ParseFailure(message, "", as_parse_error(error)))

    limit_statements()
    Isolation(store_some, give_up, forget, patient=True).run(messages)
    return failures


def discover(
    messages: Sequence[Envelope], context: Admission, tally: AccountingTally, now: datetime
) -> Topics:
    """The topics of these messages, new ones made. Over a site's quota there is none, nor for one
    that is unfit.
    """
    samples = {(message.connection_id, message.topic): message for message in messages}
    parsers = parsing.installed()
    topics = ingest_topics.find(list(samples))
    ingest_topics.recognise_again(topics.rows, samples, parsers)
    missing = [key for key in samples if key not in topics.rows and key not in topics.unfit]
    if missing:
        made = ingest_topics.create(
            missing, samples, context, parsers=parsers, tally=tally, now=now
        )
        topics.rows.update(made)
    return topics


def parse(
    messages: Sequence[Envelope], topics: Topics, tally: AccountingTally
) -> tuple[list[Parsed], list[ParseFailure]]:
    """Facts of every message whose topic has both flags. The rest is counted by what kept it out."""
    parsed: list[Parsed] = []
    failures: list[ParseFailure] = []
    installed = parsing.installed()
    for message in messages:
        topic = topics.rows.get((message.connection_id, message.topic))
        parser = installed.get(topic.parser_name) if topic else None
        if topic is None:
            tally.drop(message.site_id, topics.why_missing(message))
        elif not topic.is_processable:
            tally.add(message.site_id, "unprocessable")
        elif not topic.is_active:
            tally.add(message.site_id, "inactive")
        elif parser is None:
            failures.append(
                ParseFailure(message, topic.parser_name, installed.absence(topic.parser_name))
            )
        else:
            try:
                facts = parsing.run(parser, message)
                parsed.append(Parsed(message, topic.parser_name, tuple(facts)))
            except ParseError as error:
                failures.append(ParseFailure(message, topic.parser_name, error))
    return parsed, failures


def store_and_mark_seen(
    parsed: Sequence[Parsed], context: Admission, tally: AccountingTally, now: datetime
) -> None:
    """Rows of all messages at once."""
    if not parsed:
        return
    written = readings.write(parsed, context, now)
    stored = Counter(entry.message.site_id for entry in parsed)
    stored.subtract(message.site_id for message in written.over_quota)
    for site_id, count in stored.items():
        tally.add(site_id, "stored", count)
    for message in written.over_quota:
        tally.drop(message.site_id, "device_quota")
    tally.add_readings(written.readings)
