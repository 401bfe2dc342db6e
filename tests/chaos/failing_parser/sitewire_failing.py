"""A parser that fails on everything while a file exists, as after a bad deploy. Installed by
PYTHONPATH.
"""

import json
import os
from collections.abc import Sequence

from mqtt_app.domain.facts import Fact, ReadingFact
from mqtt_app.parsers.base import Message


class FailingParser:
    name = "failing"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        return 0.9 if topic.startswith("failing/") else 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        body = json.loads(message.payload)
        if os.path.exists(os.environ["FAILING_PARSER_FLAG"]):
            raise KeyError("a field that no message has")
        return [ReadingFact(device=message.topic, metric="seq", value=float(body["seq"]))]
