"""Messages to facts, by the parser of their topic."""

from collections.abc import Iterable, Iterator, Sequence

from mqtt_app.domain.accounting import Term
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import FieldProblem, ParseError, Remark, Remembered, TopicDescription
from mqtt_app.parsers.base import NOTHING, RememberingParser
from mqtt_app.parsers.recognition import says_nothing
from mqtt_app.services.ingest.notices import Notice, NoticeKind
from mqtt_app.services.ingest.parsing import parsers
from mqtt_app.services.ingest.parsing.described_topics import DescribedTopics
from mqtt_app.services.ingest.parsing.facts import BatchFacts, Failed, Read, Readable, read_as
from mqtt_app.services.ingest.parsing.remembering import Remembering, is_remembering
from mqtt_app.services.ingest.parsing.takeover import take_over
from mqtt_app.services.ingest.records import Topic, TopicKey, topic_key
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.ingest.topics.rows import Topics
from mqtt_app.services.postgres.statements import Query

_OPAQUE = (
    "No parser reads this. Further messages of the topic are counted as unprocessable. Pin a parser"
    " to the topic, or ignore it by a rule."
)
_NEW_VERSION = """
INSERT INTO mqtt_connectionmemory AS m (connection_id, version) VALUES (%s::bigint, 1)
ON CONFLICT (connection_id) DO UPDATE SET version = m.version + 1
"""
MAX_PROBLEMS = 5  # of one message that are named; all are counted


def parse(messages: Sequence[Envelope], topics: Topics, run: Run) -> BatchFacts:
    """Facts of every message whose topic has both flags. The rest is counted by what kept it out."""
    facts = BatchFacts()
    readable = _readable(messages, topics, facts, run)
    remembering = Remembering(_remembering(readable), run)
    read, failed = _read(readable, remembering, facts, run)
    if failed or run.memory.failing:
        taken = take_over(failed, {found.topic.key for found in read}, run)
        topics.change(found.topic for found in taken.read)
        read += taken.read
        facts.failures += taken.failures
        facts.notices += taken.notices
    described = DescribedTopics(_said_of_topics(read), run)
    is_described = described.has_any
    for found in read:
        if is_described:
            brought = described.bring(found.message, found.facts)
        else:
            brought = found.facts
        facts.add(found.message, found.parser_name, brought)
        if found.others:
            _note_problems(found, facts, run)
    facts.queries += [*remembering.queries(), *described.queries()]
    changed = remembering.changed_connections | described.changed_connections
    facts.queries += [Query(_NEW_VERSION, [number]) for number in sorted(changed)]
    return facts


def _readable(
    messages: Sequence[Envelope], topics: Topics, facts: BatchFacts, run: Run
) -> list[Readable]:
    """Those that a parser is to read."""
    found: list[Readable] = []
    installed = parsers.installed()
    for message in messages:
        topic = topics.rows.get(topic_key(message))
        if topic is not None and run.asked_parsers:
            topic = parsers.as_asked(topic, run.asked_parsers.get(message.packet_id, ""))
        if topic is None or not (topic.is_processable and topic.is_active):
            _keep_out(message, topic, topics, facts, run)
            continue
        parser = installed.get(topic.parser_name)
        if parser is None:
            parser = parsers.of(run.rules[message.connection_id]).get(topic.parser_name)
        found.append(Readable(message, topic, parser))
    return found


def _keep_out(
    message: Envelope, topic: Topic | None, topics: Topics, facts: BatchFacts, run: Run
) -> None:
    """Count a message that no parser is to read, by what kept it out; or keep it."""
    if topic is None:
        run.tally.drop(message.site_id, topics.why_missing(message))
    elif topic.is_processable:
        run.tally.add(message.site_id, Term.INACTIVE)
    elif topic.is_active and run.rules[message.connection_id].captures:
        facts.captured.append(message)
    else:
        run.tally.add(message.site_id, Term.UNPROCESSABLE)
        if topic.is_active and not says_nothing(message.payload):
            facts.notices.append(Notice(message, NoticeKind.OPAQUE, _OPAQUE))


def _remembering(readable: Iterable[Readable]) -> dict[TopicKey, RememberingParser]:
    return {
        found.topic.key: found.parser
        for found in readable
        if found.parser is not None and is_remembering(found.parser)
    }


def _read(
    readable: Iterable[Readable], remembering: Remembering, facts: BatchFacts, run: Run
) -> tuple[list[Read], list[Failed]]:
    """In the order of the messages: each may need what those before it had remembered."""
    read: list[Read] = []
    failed: list[Failed] = []
    remembers = remembering.has_any
    for found in readable:
        message = found.message
        parser = found.parser
        try:
            if parser is None:
                raise parsers.installed().absence(found.topic.parser_name)
            if remembers:
                memory = remembering.memory_of(parser, message)
            else:
                memory = NOTHING
            zone = run.rules[message.connection_id].time_zone
            made = parsers.run(parser, message, time_zone=zone, memory=memory)
        except ParseError as error:
            failed.append(Failed(message, found.topic, parser is not None, error))
            continue
        entry = read_as(message, found.topic, found.topic.parser_name, made)
        read.append(entry)
        if entry.others:
            _remember(entry, remembering, facts)
    return read, failed


def _remember(read: Read, remembering: Remembering, facts: BatchFacts) -> None:
    for fact in read.others:
        if isinstance(fact, Remembered):
            refused = remembering.note(read.message, read.parser_name, fact)
            if refused:
                text = f"The parser {read.parser_name} cannot remember {refused}."
                facts.notices.append(
                    Notice(read.message, NoticeKind.MEMORY, text, read.parser_name)
                )


def _said_of_topics(read: Iterable[Read]) -> Iterator[tuple[int, TopicDescription]]:
    for found in read:
        for fact in found.others:
            if isinstance(fact, TopicDescription):
                yield found.message.connection_id, fact


def _note_problems(found: Read, facts: BatchFacts, run: Run) -> None:
    """Fields that were left out are said together, a remark by itself."""
    problems: list[FieldProblem] = []
    for fact in found.others:
        if isinstance(fact, FieldProblem):
            problems.append(fact)
        elif isinstance(fact, Remark):
            notice = Notice(found.message, NoticeKind.REMARK, fact.text, found.parser_name)
            facts.notices.append(notice)
    if not problems:
        return
    run.tally.leave_out(found.message.site_id, len(problems))
    shown = list(
        dict.fromkeys(f"{problem.field[:100]}: {problem.reason[:200]}" for problem in problems)
    )
    if len(shown) > MAX_PROBLEMS:
        more = f"; and {len(shown) - MAX_PROBLEMS:,} more"
    else:
        more = ""
    text = "; ".join(shown[:MAX_PROBLEMS]) + more
    facts.notices.append(
        Notice(found.message, NoticeKind.FIELDS, text, found.parser_name, len(problems))
    )
