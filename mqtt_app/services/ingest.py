"""From a batch of messages to committed rows: discover, parse, store, mark seen. This is the heart of the product.

Everything happens in one transaction, together with the receipt that makes a repeated batch harmless. The owner of the
MQTT session acknowledges to the broker only after it; whatever fails before it is sent again.

    batch ──► admit ──► discover ──► parse ──► store + mark seen ──► settle ──► commit ──► events
               │           │           │            │
               │           │           │            └ a row the database refuses: only that message fails
               │           │           └ ParseError: a parsing log row; kept while its parser is paused
               │           └ switched off, or nobody's: counted
               └ seen before, or of a past owner: not stored again
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import msgspec
from django.db import DataError, IntegrityError, OperationalError, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

from mqtt_app import events
from mqtt_app.domain.messages import Batch, Envelope
from mqtt_app.domain.readings import ParseError, ParseErrorKind
from mqtt_app.services import (
    ingest_books,
    ingest_context,
    ingest_devices,
    ingest_failures,
    ingest_full,
    ingest_parsers,
    ingest_rows,
    ingest_topics,
    quarantine,
)
from mqtt_app.services.ingest_books import Failure, Tally
from mqtt_app.services.ingest_context import Context
from mqtt_app.services.ingest_known import StaleError
from mqtt_app.services.ingest_rows import Parsed
from mqtt_app.services.ingest_topics import Topic
from mqtt_app.services.pg_statements import Later

ATTEMPTS = 4  # of a batch that met another one in a deadlock, or a change of what it remembered


Result = TypeVar("Result")


class Outcome(msgspec.Struct, frozen=True):
    """`repeated`: the batch was committed before. `skipped`: connections whose messages a newer owner will bring.
    `postponed`: connections whose messages this owner has to bring again.
    """

    repeated: bool = False
    skipped: frozenset[int] = frozenset()
    postponed: frozenset[int] = frozenset()


def store(batch: Batch, now: float) -> Outcome:
    """`now` is unix seconds. Raises django.db.Error when the database cannot commit: the batch is then sent again."""
    return commit(partial(_store, batch, datetime.fromtimestamp(now, UTC)))


def commit(work: Callable[[bool], Result]) -> Result:
    """What `work` gives, done in one transaction, again when another one came in between.

    It is told whether to be careful: the database refused something in it, so find out what, under savepoints.
    """
    careful = False
    for _ in range(ATTEMPTS - 1):
        try:
            return _attempt(work, careful=careful)
        except StaleError:
            continue
        except (DataError, IntegrityError):
            careful = True
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
                raise
    return _attempt(work, careful=True)


def _attempt(work: Callable[[bool], Result], *, careful: bool) -> Result:
    try:
        with transaction.atomic():
            return work(careful)
    except BaseException:
        _forget()
        raise


def _forget() -> None:
    """What was learnt within something that is rolled back."""
    ingest_topics.forget()
    ingest_devices.forget()


def _store(batch: Batch, now: datetime, careful: bool) -> Outcome:
    context = ingest_context.claim(batch, now, careful=careful)
    if not isinstance(context, Context):
        return Outcome(True, *context)
    tally = Tally(batch.drops)
    taken = batch.messages if batch.quarantine_reason else ingest_full.hold_back(batch.messages, context)
    messages = ingest_context.admit(taken, context, tally)
    if batch.quarantine_reason:
        quarantine.put_aside(messages, batch.quarantine_reason, tally)
    else:
        _process(messages, context, tally, now)
    ingest_context.remember(messages, context, now)
    ingest_context.note_exceptions(batch, context)
    close(tally, now, context.later)
    return Outcome(skipped=frozenset(context.skipped), postponed=frozenset(context.postponed))


def close(tally: Tally, now: datetime | None, later: Later) -> None:
    """The last step: the books, all that waited for it, and word to the browsers.

    `now` is None when nothing was received.
    """
    ingest_books.write(tally, now, later)
    later.run()
    transaction.on_commit(partial(_tell, tally))


def _process(messages: Sequence[Envelope], context: Context, tally: Tally, now: datetime) -> None:
    topics = discover(messages, context, tally, now)
    parsed, failures = parse(messages, topics, tally)
    refused = store_and_mark_seen(parsed, context, tally, now)
    ingest_topics.count(messages, topics, context)
    good = ingest_failures.good_ones(parsed, refused)
    ingest_failures.settle(good, failures + refused, context, tally, now)


def process_again(messages: Sequence[Envelope], context: Context, tally: Tally, now: datetime) -> list[Failure]:
    """Messages that were kept, and counted when they came. Gives those that fail; the caller decides what of them."""
    _forget()
    parsed, failures = parse(messages, discover(messages, context, tally, now), tally)
    return failures + store_and_mark_seen(parsed, context, tally, now)


def discover(
    messages: Sequence[Envelope], context: Context, tally: Tally, now: datetime
) -> dict[tuple[int, str], Topic]:
    """The topics of these messages, new ones made, by (connection id, topic). Over a site's quota there is none."""
    samples = {(message.connection_id, message.topic): message for message in messages}
    parsers = ingest_parsers.installed()
    topics = ingest_topics.find(list(samples))
    ingest_topics.recognise_again(topics, samples, parsers)
    missing = [key for key in samples if key not in topics]
    if missing:
        topics |= ingest_topics.create(missing, samples, context, parsers=parsers, tally=tally, now=now)
    return topics


def parse(
    messages: Sequence[Envelope], topics: dict[tuple[int, str], Topic], tally: Tally
) -> tuple[list[Parsed], list[Failure]]:
    """Facts of every message whose topic has both flags. The rest is counted by what kept it out."""
    parsed: list[Parsed] = []
    failures: list[Failure] = []
    installed = ingest_parsers.installed()
    for message in messages:
        topic = topics.get((message.connection_id, message.topic))
        parser = installed.get(topic.parser_name) if topic else None
        if topic is None:
            tally.drop(message.site_id, "topic_quota")
        elif not topic.is_processable:
            tally.add(message.site_id, "unprocessable")
        elif not topic.is_active:
            tally.add(message.site_id, "inactive")
        elif parser is None:
            failures.append(Failure(message, topic.parser_name, installed.absence(topic.parser_name)))
        else:
            try:
                facts = ingest_parsers.run(parser, message)
                parsed.append(Parsed(message, topic.parser_name, tuple(facts)))
            except ParseError as error:
                failures.append(Failure(message, topic.parser_name, error))
    return parsed, failures


def store_and_mark_seen(parsed: Sequence[Parsed], context: Context, tally: Tally, now: datetime) -> list[Failure]:
    """Rows of all messages at once. In a careful attempt, one that the database refuses is found by halving."""
    if not parsed:
        return []
    try:
        with transaction.atomic() if context.careful else nullcontext():
            written = ingest_rows.write(parsed, context, now)
            if context.careful:
                context.later.run()
    except (DataError, IntegrityError) as error:
        if not context.careful:
            raise
        _forget()
        context.later.clear()
        if len(parsed) == 1:
            one = parsed[0]
            refused = ParseError(ParseErrorKind.DB, f"the database refused the readings: {error}")
            refused.__cause__ = error
            return [Failure(one.message, one.parser_name, refused)]
        middle = len(parsed) // 2
        halves = (parsed[:middle], parsed[middle:])
        return [failure for half in halves for failure in store_and_mark_seen(half, context, tally, now)]
    stored = Counter(one.message.site_id for one in parsed)
    stored.subtract(message.site_id for message in written.over_quota)
    for site_id, count in stored.items():
        tally.add(site_id, "stored", count)
    for message in written.over_quota:
        tally.drop(message.site_id, "device_quota")
    tally.add_readings(written.readings)
    return []


def _tell(tally: Tally) -> None:
    discovered: defaultdict[int, int] = tally.discovered
    for site_id, count in discovered.items():
        events.topic_discovered(site_id=site_id, topics=count)
    for site_id, entry in tally.entries.items():
        events.stored(site_id=site_id, messages=entry.received, readings=entry.readings)
