"""A topic whose parser fails, and whose message another parser clearly takes, changes its parser by
itself. How often is bounded: a topic that carries two formats stays with one of them in the end.
"""

from collections.abc import Sequence

import msgspec

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import Fact, ParseError, ReadingFact
from mqtt_app.parsers.base import Parser
from mqtt_app.parsers.recognition import Recognition, rivals
from mqtt_app.services.ingest.notices import Notice, NoticeKind
from mqtt_app.services.ingest.parsing import parsers
from mqtt_app.services.ingest.records import Topic, TopicKey
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.ingest.topics.rows import Topics
from mqtt_app.services.postgres.statements import ask

MAX_TIMES = 5  # that a topic changes its parser by itself, until a person frees it again
TRIALS = 100  # messages of a batch that are tried with other parsers
TRIALS_OF_TOPIC = 2

_TAKE_OVER = """
UPDATE mqtt_discoveredtopic SET parser_name = %s, confidence = %s, recognitions = recognitions + 1
WHERE id = %s AND pinned_parser = '' AND NOT (%s = ANY(forbidden_parsers))
"""
_SAID = (
    "The parser {old} failed ({error}), and {new} reads the message, so that the topic is {new}'s"
    " from now on. Pin a parser to the topic to prevent that."
)


class TakenOver(msgspec.Struct, frozen=True):
    """What the new parser made of the message that the old one failed on."""

    parser_name: str
    facts: Sequence[Fact]
    notice: Notice


class Takeover:
    """Within one batch."""

    def __init__(self, topics: Topics, run: Run) -> None:
        self._topics = topics
        self._run = run
        self._trials = 0
        self._of_topic: dict[TopicKey, int] = {}
        self._readers: dict[TopicKey, str] = {}

    def reader_of(self, topic: Topic, parser: Parser | None) -> tuple[str, Parser | None]:
        """Name and parser, which may have changed since the batch began."""
        if not self._readers:
            return topic.parser_name, parser
        name = self._readers.get(topic.key, topic.parser_name)
        return name, parsers.installed().get(name)

    def attempt(self, message: Envelope, topic: Topic, error: ParseError) -> TakenOver | None:
        if topic.is_pinned or topic.recognitions >= MAX_TIMES or topic.key in self._readers:
            return None
        tried = self._of_topic.get(topic.key, 0)
        paused = self._run.rules[message.connection_id].paused
        if tried >= TRIALS_OF_TOPIC or self._trials >= TRIALS or topic.parser_name in paused:
            return None
        self._of_topic[topic.key] = tried + 1
        self._trials += 1
        found = rivals(parsers.installed(), topic.topic, message.payload, topic.parser_name)
        for rival in found:
            facts = self._read(message, rival)
            if facts and self._write(topic, rival):
                text = _SAID.format(
                    old=topic.parser_name, new=rival.parser_name, error=str(error)[:200]
                )
                notice = Notice(message, NoticeKind.READER, text, rival.parser_name)
                return TakenOver(rival.parser_name, facts, notice)
        return None

    def _read(self, message: Envelope, rival: Recognition) -> Sequence[Fact]:
        """Nothing, unless it gives readings."""
        parser = parsers.installed().get(rival.parser_name)
        zone = self._run.rules[message.connection_id].time_zone
        try:
            facts = parsers.run(parser, message, time_zone=zone) if parser else ()
        except ParseError:
            return ()
        return facts if any(isinstance(fact, ReadingFact) for fact in facts) else ()

    def _write(self, topic: Topic, rival: Recognition) -> bool:
        """False when a person forbade it."""
        name = rival.parser_name
        if not ask(_TAKE_OVER, [name, rival.confidence, topic.id, name]).row_count:
            return False
        self._readers[topic.key] = name
        changed = msgspec.structs.replace(
            topic, parser_name=name, recognitions=topic.recognitions + 1
        )
        self._topics.rows[topic.key] = changed
        self._run.memory.topics[topic.key] = changed
        return True
