"""A topic whose parser fails, and whose message another parser clearly takes, changes its parser by
itself. How often is bounded: a topic that carries two formats stays with one of them in the end.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence

import msgspec

from mqtt_app.domain.facts import Fact, ParseError, ReadingFact
from mqtt_app.parsers.recognition import Recognition, rivals, says_nothing
from mqtt_app.services.dead_letters.parsing_log import ParseFailure
from mqtt_app.services.ingest.notices import Notice, NoticeKind
from mqtt_app.services.ingest.parsing import parsers
from mqtt_app.services.ingest.parsing.facts import Failed, Read, read_as
from mqtt_app.services.ingest.records import Topic, TopicKey
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.statements import ask

MAX_TIMES = 5  # that a topic changes its parser by itself, until a person frees it again
TRIALS = 100  # topics of a batch that are tried with other parsers
# Messages after which a topic has proved its parser, so that a few others in between change nothing.
PROVED = 20
STREAK = 3  # batches in which such a topic only failed

_TAKE_OVER = """
UPDATE mqtt_discoveredtopic SET parser_name = %s, confidence = %s, recognitions = recognitions + 1
WHERE id = %s AND pinned_parser = '' AND NOT (%s = ANY(forbidden_parsers))
    AND (message_count < %s OR %s)
"""
_SAID = (
    "The parser {old} failed ({error}), and {new} reads the message, so that the topic is read by"
    " {new} from now on. Pin a parser to the topic to prevent that."
)


class TakenOver(msgspec.Struct, frozen=True):
    """Messages that another parser read, and those that still failed."""

    read: list[Read]
    failures: list[ParseFailure]
    notices: list[Notice]


def take_over(failed: Sequence[Failed], good: Collection[TopicKey], run: Run) -> TakenOver:
    """`good`: topics of which the same batch has messages that their parser read."""
    found = TakenOver([], [], [])
    by_topic: defaultdict[TopicKey, list[Failed]] = defaultdict(list)
    for entry in failed:
        by_topic[entry.topic.key].append(entry)
    for key in good & run.memory.failing.keys():
        run.memory.failing[key] = 0
    for trial, (key, entries) in enumerate(by_topic.items()):
        reader = None
        if trial < TRIALS and key not in good and _may_change(entries[0], run):
            run.memory.failing[key] = run.memory.failing.get(key, 0) + 1
            reader = _new_reader(entries, run)
        if reader is None:
            found.failures.extend(map(_failure, entries))
        else:
            _read_all(entries, reader, found, run)
    return found


def _may_change(failed: Failed, run: Run) -> bool:
    topic = failed.topic
    paused = run.rules[topic.connection_id].paused
    is_free = not topic.is_pinned and topic.recognitions < MAX_TIMES
    return failed.was_tried and is_free and topic.parser_name not in paused


def _new_reader(entries: Sequence[Failed], run: Run) -> Topic | None:
    """The topic, as it is read from now on."""
    telling = [entry for entry in entries if not says_nothing(entry.message.payload)]
    if not telling:
        return None
    sample = telling[-1]
    topic = sample.topic
    known = parsers.of(run.rules[topic.connection_id])
    found = rivals(known, topic.topic, sample.message.payload, topic.parser_name)
    for rival in found:
        facts = _facts(sample, rival.parser_name, run)
        if any(isinstance(fact, ReadingFact) for fact in facts) and _write(topic, rival, run):
            changed = msgspec.structs.replace(
                topic, parser_name=rival.parser_name, recognitions=topic.recognitions + 1
            )
            run.memory.topics[changed.row.key] = changed.row
            return changed
    return None


def _write(topic: Topic, rival: Recognition, run: Run) -> bool:
    """False when a person forbade it, or the topic has proved its parser."""
    name = rival.parser_name
    is_lasting = run.memory.failing[topic.key] >= STREAK
    values = [name, rival.confidence, topic.id, name, PROVED, is_lasting]
    return bool(ask(_TAKE_OVER, values).row_count)


def _read_all(entries: Sequence[Failed], topic: Topic, found: TakenOver, run: Run) -> None:
    for entry in entries:
        try:
            facts = _parse(entry, topic.parser_name, run)
        except ParseError as error:
            found.failures.append(ParseFailure(entry.message, topic.parser_name, error))
        else:
            found.read.append(read_as(entry.message, topic, topic.parser_name, facts))
    first = entries[0]
    text = _SAID.format(
        old=first.topic.parser_name, new=topic.parser_name, error=str(first.error)[:200]
    )
    found.notices.append(Notice(first.message, NoticeKind.READER, text, topic.parser_name))


def _facts(entry: Failed, parser_name: str, run: Run) -> Sequence[Fact]:
    try:
        return _parse(entry, parser_name, run)
    except ParseError:
        return ()


def _parse(entry: Failed, parser_name: str, run: Run) -> Sequence[Fact]:
    """Raises ParseError."""
    rules = run.rules[entry.message.connection_id]
    known = parsers.of(rules)
    parser = known.get(parser_name)
    if parser is None:
        raise known.absence(parser_name)
    return parsers.run(parser, entry.message, time_zone=rules.time_zone)


def _failure(entry: Failed) -> ParseFailure:
    return ParseFailure(entry.message, entry.topic.parser_name, entry.error)
