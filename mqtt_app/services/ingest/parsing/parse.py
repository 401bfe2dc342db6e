"""Messages to facts, by the parser of their topic."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from mqtt_app.domain.accounting import Term
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import (
    Fact,
    FieldProblem,
    ParseError,
    Remark,
    Remembered,
    TopicDescription,
)
from mqtt_app.parsers.base import Parser
from mqtt_app.parsers.recognition import says_nothing
from mqtt_app.services.dead_letters.parsing_log import ParseFailure
from mqtt_app.services.ingest.notices import Notice, NoticeKind
from mqtt_app.services.ingest.parsing import parsers
from mqtt_app.services.ingest.parsing.described_topics import DescribedTopics
from mqtt_app.services.ingest.parsing.facts import BatchFacts
from mqtt_app.services.ingest.parsing.remembering import Remembering, is_remembering
from mqtt_app.services.ingest.parsing.takeover import Takeover
from mqtt_app.services.ingest.records import Topic, topic_key
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


class _Readable(msgspec.Struct, frozen=True):
    """A message of a topic that has both flags, and the parser; None when it is not installed."""

    message: Envelope
    topic: Topic
    parser: Parser | None


class _Read(msgspec.Struct, frozen=True):
    message: Envelope
    parser_name: str
    facts: Sequence[Fact]


def parse(messages: Sequence[Envelope], topics: Topics, run: Run) -> BatchFacts:
    """Facts of every message whose topic has both flags. The rest is counted by what kept it out."""
    facts = BatchFacts()
    readable = list(_readable(messages, topics, facts, run))
    remembering = Remembering(
        {
            topic_key(found.message): found.parser
            for found in readable
            if found.parser is not None and is_remembering(found.parser)
        },
        run,
    )
    takeover = Takeover(topics, run)
    read = [
        found
        for found in (_parse(each, remembering, takeover, facts, run) for each in readable)
        if found is not None
    ]
    described = DescribedTopics(_said_of_topics(read), run)
    for found in read:
        brought = described.bring(found.message, found.facts) if described else found.facts
        facts.add(found.message, found.parser_name, brought)
        _count_problems(found, facts, run)
    facts.queries += [*remembering.queries(), *described.queries()]
    changed = remembering.changed_connections | described.changed_connections
    facts.queries += [Query(_NEW_VERSION, [number]) for number in sorted(changed)]
    return facts


def _readable(
    messages: Sequence[Envelope], topics: Topics, facts: BatchFacts, run: Run
) -> Iterator[_Readable]:
    installed = parsers.installed()
    for message in messages:
        topic = topics.rows.get(topic_key(message))
        if topic is None:
            run.tally.drop(message.site_id, topics.why_missing(message))
        elif not topic.is_processable:
            run.tally.add(message.site_id, Term.UNPROCESSABLE)
            if topic.is_active and not says_nothing(message.payload):
                facts.notices.append(Notice(message, NoticeKind.OPAQUE, _OPAQUE))
        elif not topic.is_active:
            run.tally.add(message.site_id, Term.INACTIVE)
        else:
            yield _Readable(message, topic, installed.get(topic.parser_name))


def _parse(
    found: _Readable, remembering: Remembering, takeover: Takeover, facts: BatchFacts, run: Run
) -> _Read | None:
    """None: the message failed."""
    message = found.message
    name, parser = takeover.reader_of(found.topic, found.parser)
    try:
        if parser is None:
            raise parsers.installed().absence(name)
        memory = remembering.memory_of(parser, message)
        zone = run.rules[message.connection_id].time_zone
        made = parsers.run(parser, message, time_zone=zone, memory=memory)
    except ParseError as error:
        rival = takeover.attempt(message, found.topic, error) if parser is not None else None
        if rival is None:
            facts.failures.append(ParseFailure(message, name, error))
            return None
        name = rival.parser_name
        made = rival.facts
        facts.notices.append(rival.notice)
    for fact in made:
        if isinstance(fact, Remembered):
            refused = remembering.note(message, name, fact)
            if refused:
                text = f"The parser {name} cannot remember {refused}."
                facts.notices.append(Notice(message, NoticeKind.MEMORY, text, name))
    return _Read(message, name, made)


def _said_of_topics(read: Sequence[_Read]) -> Iterator[tuple[int, TopicDescription]]:
    for found in read:
        for fact in found.facts:
            if isinstance(fact, TopicDescription):
                yield found.message.connection_id, fact


def _count_problems(found: _Read, facts: BatchFacts, run: Run) -> None:
    """Fields that were left out are said together, a remark by itself."""
    problems = [fact for fact in found.facts if isinstance(fact, FieldProblem)]
    for fact in found.facts:
        if isinstance(fact, Remark):
            notice = Notice(found.message, NoticeKind.REMARK, fact.text, found.parser_name)
            facts.notices.append(notice)
    if not problems:
        return
    run.tally.leave_out(found.message.site_id, len(problems))
    shown = Counter(f"{problem.field[:100]}: {problem.reason[:200]}" for problem in problems)
    text = "; ".join(list(shown)[:MAX_PROBLEMS])
    more = f"; and {len(shown) - MAX_PROBLEMS:,} more" if len(shown) > MAX_PROBLEMS else ""
    facts.notices.append(
        Notice(found.message, NoticeKind.FIELDS, text + more, found.parser_name, len(problems))
    )
