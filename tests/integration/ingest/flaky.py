"""A parser that can be broken, and messages for it."""

import json
import os
import signal
from datetime import UTC, datetime
from typing import Any

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import ParseError, ParseErrorKind, ReadingFact
from mqtt_app.models import MqttConnection
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.replay import schedule
from mqtt_app.services.replay.batch import replay_next
from tests.integration.ingest.test_store import NOW, batch, message


class Flaky:
    """Fails on everything while `broken`, and on {"bad": ...} always. Kills its process at
    {"fatal": ...} otherwise.
    """

    name, version = "flaky", "1"

    def __init__(self) -> None:
        self.broken = False

    def matches(self, topic: str, sample: bytes) -> float:
        return 1.0

    def parse(self, message: Any) -> list[ReadingFact]:
        body = json.loads(message.payload)
        if "fatal" in body and not self.broken:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.broken or "bad" in body:
            raise ParseError(ParseErrorKind.PARSE, "no such field")
        return [ReadingFact(device=message.topic, metric="n", value=float(body["n"]))]


def numbered(link: MqttConnection, numbers: range, **changes: Any) -> list[Envelope]:
    return [message(link, "hall/a", {"n": number}, **changes) for number in numbers]


def send(link: MqttConnection, numbers: range, at: float = NOW, **changes: Any) -> None:
    pipeline.store(batch(*numbered(link, numbers, **changes)), at)


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def attend(at: float = NOW) -> None:
    """A round of the periodic task, as often as there is something to do."""
    schedule.judge_parsers(moment(at))
    while replay_next(at):
        pass
