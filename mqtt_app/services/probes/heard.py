"""What the parsers make of what a test has heard, for the one who chooses topics."""

from typing import Any

import msgspec

from mqtt_app.domain.facts import ReadingFact
from mqtt_app.domain.probe.heard import Heard, HeardTopic
from mqtt_app.parsers.base import Message
from mqtt_app.services.parser_trial import try_message

SHOWN = 300  # topics
READINGS = 5  # of each
TEXT = 100  # characters of a value


class HeardReading(msgspec.Struct, frozen=True):
    device: str
    metric: str
    value: float | bool | str
    unit: str


class ShownTopic(msgspec.Struct, frozen=True):
    """`parser` "": none takes it; `error`: why that one cannot read the message. `more`: readings
    that are left out.
    """

    topic: str
    count: int
    retained: bool
    size: int
    parser: str
    readings: list[HeardReading]
    more: int
    error: str


class ShownSurvey(msgspec.Struct, frozen=True):
    """`hidden`: topics that were heard and are not in `topics`."""

    messages: int
    hidden: int
    missed: int
    topics: list[ShownTopic]


def survey(heard: Heard, now: float) -> Any:
    """As JSON. `now` is unix seconds."""
    topics = sorted(heard.topics.values(), key=_name)
    shown = [_shown(topic, now) for topic in topics[:SHOWN]]
    hidden = len(topics) - len(shown)
    return msgspec.to_builtins(ShownSurvey(heard.messages, hidden, heard.missed, shown))


def _name(topic: HeardTopic) -> str:
    return topic.topic


def _shown(topic: HeardTopic, now: float) -> ShownTopic:
    trial = try_message(Message(topic.topic, topic.payload, now, topic.retained))
    parser = ""
    if trial.claims:
        parser = trial.claims[0].parser
    error = ""
    if trial.error is not None:
        error = str(trial.error)
    readings = [_reading(fact) for fact in trial.facts if isinstance(fact, ReadingFact)]
    return ShownTopic(
        topic=topic.topic,
        count=topic.count,
        retained=topic.retained,
        size=topic.size,
        parser=parser,
        readings=readings[:READINGS],
        more=max(0, len(readings) - READINGS),
        error=error[:300],
    )


def _reading(fact: ReadingFact) -> HeardReading:
    value = fact.value
    if isinstance(value, bytes):
        value = value.hex()
    if isinstance(value, str):
        value = value[:TEXT]
    return HeardReading(fact.device, fact.metric, value, fact.unit)
