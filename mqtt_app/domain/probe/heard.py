"""What a broker says while a test listens: topics with how often, and one message of each. Pure."""

import msgspec

from mqtt_app.domain.link.packets import Publish

MOST_TOPICS = 1_000
MOST_BYTES = 16_384  # of a payload that is kept
LONGEST = 30  # s that a test may listen


class HeardTopic(msgspec.Struct):
    """`payload` is that of the newest message, cut to MOST_BYTES of `size`."""

    topic: str
    count: int
    retained: bool
    size: int
    payload: bytes


class Heard:
    """`messages` and `missed` count; `missed` ones were of topics beyond MOST_TOPICS."""

    def __init__(self) -> None:
        self.topics: dict[str, HeardTopic] = {}
        self.messages = 0
        self.missed = 0

    def add(self, message: Publish) -> None:
        self.messages += 1
        known = self.topics.get(message.topic)
        if known is None and len(self.topics) >= MOST_TOPICS:
            self.missed += 1
            return
        if known is None:
            known = HeardTopic(message.topic, 0, message.retain, 0, b"")
            self.topics[message.topic] = known
        known.count += 1
        known.retained = known.retained and message.retain
        known.size = len(message.payload)
        known.payload = message.payload[:MOST_BYTES]
