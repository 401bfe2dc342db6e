"""CCU-Jack, a bridge of Homematic: `device/status/<serial>/<channel>/<value>` in JSON.

Source: https://github.com/mdzio/ccu-jack/wiki/VEAP-Protokoll. `{"v": 21.5, "ts": <ms>, "s": 0}`: `s` is
the quality of the value, from 200 on it is bad. A channel is the device, the last level the metric.
System variables and virtual devices have topics of the same form.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.domain.facts import Fact, FieldProblem
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import PLAIN, Fields, only_text, payload_text
from mqtt_app.parsers.json_tree import decode, invalid

MARKS = (b'"v"', b'"ts"', b'"s"')
BAD = 200  # and more

_TOPIC = re.compile(
    r"(?P<device>(?:.+/)?(?:device|virtdev|sysvar|program)/status(?:/[^/]+){0,2})/(?P<metric>[^/]+)"
)


class CcuJackParser:
    name = "ccu_jack"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        if "/status/" not in topic or not all(mark in sample for mark in MARKS):
            return 0.0
        if _TOPIC.fullmatch(topic):
            return 0.8
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        found = _TOPIC.fullmatch(message.topic)
        if found is None:
            raise invalid("expected a topic such as device/status/<serial>/1/STATE")
        if not payload_text(message.payload):
            return []
        tree = decode(message.payload)
        if not isinstance(tree, dict) or "v" not in tree:
            raise invalid("expected an object with v")
        return list(_facts(found["device"], found["metric"], tree))


def _facts(device: str, metric: str, tree: dict[str, Any]) -> Iterator[Fact]:
    quality = tree.get("s")
    if isinstance(quality, int) and quality >= BAD:
        yield FieldProblem(field=metric[:255], reason=f"its quality is bad ({quality})")
        return
    time = parse_time(tree.get("ts"))
    fields = Fields(device=device, trait=lambda _: PLAIN, read=only_text, time=time)
    yield from fields.facts(tree["v"], metric)
