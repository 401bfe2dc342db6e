"""The shape of a parser."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from mqtt_app.domain.facts import Fact

# bytes; the MQTT link already refuses larger packets, and a parser must end in bounded time
MAX_PAYLOAD = 1_048_576
MAX_DEPTH = 32  # levels of nesting; far beyond any sane device, far below the interpreter's stack
NOTHING: Mapping[str, bytes] = {}
MAX_FACTS = 100_000  # per message; a message that says more is refused rather than cut


class Message(msgspec.Struct, frozen=True):
    """What a parser sees. `received_at` is unix seconds; `time_zone` the IANA name of the site's own
    time zone, "" when it has none: then local times without zone are not believed. `memory`: what
    `Remembered` facts of this parser and connection said last under the keys of `remembers`.
    """

    topic: str
    payload: bytes
    received_at: float
    retain: bool = False
    time_zone: str = ""
    memory: Mapping[str, bytes] = NOTHING


class Parser(Protocol):
    """`name` is stored with each topic, so it must not change between versions.

    `matches` says how sure the parser is that the topic is its own: 0.0 (not mine) to 1.0
    (certainly mine), judging by the topic and one sample payload, cheaply. An empty payload, or a
    word that stands for no value, says nothing about a format: only the topic counts then. `parse`
    returns facts (none is fine: a message with nothing to store) or raises ParseError; it is total
    over any bytes and ends in bounded time.
    """

    name: str
    version: str

    def matches(self, topic: str, sample: bytes) -> float: ...

    def parse(self, message: Message) -> Sequence[Fact]: ...


class RememberingParser(Parser, Protocol):
    """A parser that needs earlier messages, such as births, to understand later ones.

    `remembers`: the keys under which `Message.memory` is to have what was remembered, by topic.
    """

    def remembers(self, topic: str) -> Sequence[str]: ...
