"""A parser that kills its process at some messages, as a fault in a C extension would. Installed by
PYTHONPATH.
"""

import json
import os
import signal
from collections.abc import Sequence

from mqtt_app.domain.facts import Fact, ReadingFact
from mqtt_app.parsers.base import Message


class PoisonParser:
    name = "poison"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        return 0.9 if topic.startswith("poison/") else 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        number = json.loads(message.payload)["seq"]
        if number % 500 == 250:
            os.kill(os.getpid(), signal.SIGKILL)
        return [ReadingFact(device=message.topic, metric="seq", value=float(number))]
