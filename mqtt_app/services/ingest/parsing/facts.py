"""What the parsers made of a batch, sorted by what becomes of it."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import Availability, DeviceDescription, Fact, ReadingFact
from mqtt_app.services.dead_letters.parser_health import Scope
from mqtt_app.services.dead_letters.parsing_log import ParseFailure

NamingFact = ReadingFact | Availability | DeviceDescription
"""What names a device or gateway that is made where it is missing."""

AnyFact = TypeVar("AnyFact", bound=Fact)


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


class BatchFacts:
    """In the order of the messages.

    `naming`: the facts that name a device or gateway; of many readings of one device in a row, the
    first stands for all. `others`: the facts of each kind but readings. `failures`: messages that
    gave no facts at all.
    """

    def __init__(self) -> None:
        self.parsed: list[Parsed] = []
        self.naming: list[FactOfMessage[NamingFact]] = []
        self.others: defaultdict[type[Fact], list[FactOfMessage[Fact]]] = defaultdict(list)
        self.failures: list[ParseFailure] = []

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
            if isinstance(fact, Availability | DeviceDescription):
                self.naming.append(FactOfMessage(message, parser_name, fact))
        self.parsed.append(Parsed(message, parser_name, readings))
