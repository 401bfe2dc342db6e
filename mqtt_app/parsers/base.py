"""The shape of a parser."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from mqtt_app.domain.readings import Fact

# bytes; the MQTT link already refuses larger packets, and a parser must end in bounded time
MAX_PAYLOAD = 1_048_576
MAX_DEPTH = 32  # levels of nesting; far beyond any sane device, far below the interpreter's stack
MAX_FACTS = 5_000  # per message; a message that says more is refused rather than cut


class Message(msgspec.Struct, frozen=True):
    """What a parser sees. `received_at` is unix seconds."""

    topic: str
    payload: bytes
    received_at: float
    retain: bool = False


class Parser(Protocol):
    """`name` is stored with each topic, so it must not change between versions.

    `matches` says how sure the parser is that the topic is its own: 0.0 (not mine) to 1.0
    (certainly mine), judging by the topic and one sample payload, cheaply. `parse` returns facts
    (none is fine: a message with nothing to store) or raises ParseError; it is total over any bytes
    and ends in bounded time.
    """

    name: str
    version: str

    def matches(self, topic: str, sample: bytes) -> float: ...

    def parse(self, message: Message) -> Sequence[Fact]: ...
