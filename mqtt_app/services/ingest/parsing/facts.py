"""What the parsers made of a batch, sorted by what becomes of it."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import Availability, Fact, ParseError, ReadingFact
from mqtt_app.parsers.base import Parser
from mqtt_app.services.dead_letters.parser_health import Scope
from mqtt_app.services.dead_letters.parsing_log import ParseFailure
from mqtt_app.services.ingest.notices import Notice
from mqtt_app.services.ingest.records import Topic
from mqtt_app.services.postgres.statements import Query

NamingFact = ReadingFact | Availability
"""What names a device or gateway that is made where it is missing."""

AnyFact = TypeVar("AnyFact", bound=Fact)


class Readable(msgspec.Struct, frozen=True, gc=False):
    """A message of a topic that has both flags. `parser` None: it is not installed."""

    message: Envelope
    topic: Topic
    parser: Parser | None


class Read(msgspec.Struct, frozen=True, gc=False):
    """What a parser made of a message. `others`: the facts that are no readings."""

    message: Envelope
    topic: Topic
    parser_name: str
    facts: Sequence[Fact]
    others: Sequence[Fact]


class Failed(msgspec.Struct, frozen=True, gc=False):
    """A message whose parser made nothing of it. `was_tried`: the parser is installed."""

    message: Envelope
    topic: Topic
    was_tried: bool
    error: ParseError


class Parsed(msgspec.Struct, frozen=True, gc=False):
    """A message whose parser understood it, and its readings."""

    message: Envelope
    parser_name: str
    readings: Sequence[ReadingFact]

    @property
    def scope(self) -> Scope:
        return self.message.site_id, self.parser_name


class FactOfMessage(msgspec.Struct, Generic[AnyFact], frozen=True, gc=False):
    """A fact, and the message that holds it."""

    message: Envelope
    parser_name: str
    fact: AnyFact


def read_as(message: Envelope, topic: Topic, parser_name: str, facts: Sequence[Fact]) -> Read:
    others = [fact for fact in facts if type(fact) is not ReadingFact]
    return Read(message, topic, parser_name, facts, others)


class BatchFacts:
    """In the order of the messages.

    `naming`: the facts that name a device or gateway; of many readings of one device in a row, the
    first stands for all. `others`: the facts of each kind but readings. `failures`: messages that
    gave no facts at all; `captured`: those that no parser was asked about, and that are kept.
    `notices` for the parsing log. `queries`: what parsers remember and third parties say of topics,
    as it is to be written.
    """

    def __init__(self) -> None:
        self.parsed: list[Parsed] = []
        self.naming: list[FactOfMessage[NamingFact]] = []
        self.others: defaultdict[type[Fact], list[FactOfMessage[Fact]]] = defaultdict(list)
        self.failures: list[ParseFailure] = []
        self.captured: list[Envelope] = []
        self.notices: list[Notice] = []
        self.queries: list[Query] = []

    def add(self, message: Envelope, parser_name: str, facts: Sequence[Fact]) -> None:
        readings: list[ReadingFact] = []
        last: ReadingFact | None = None
        for fact in facts:
            if isinstance(fact, ReadingFact):
                readings.append(fact)
                if last is None or fact.device != last.device or fact.gateway != last.gateway:
                    self.naming.append(FactOfMessage(message, parser_name, fact))
                    last = fact
                continue
            self.others[type(fact)].append(FactOfMessage(message, parser_name, fact))
            if isinstance(fact, Availability):
                self.naming.append(FactOfMessage(message, parser_name, fact))
        self.parsed.append(Parsed(message, parser_name, readings))
