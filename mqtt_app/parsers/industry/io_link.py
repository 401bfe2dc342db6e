"""IO-Link masters with the JSON of the IO-Link community (ifm AL13xx and others): events.

Source: ifm's manual "IoT core", section MQTT; IO-Link Community, "JSON Integration for IO-Link".
`data.payload` has a code and data for each path; `srcurl` begins with the name of the master, by
default its MAC, which names the device. A code other than 200 is a path that could not be read.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.domain.facts import Fact, FieldProblem, normal_address
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import Fields, Trait, only_text, payload_text
from mqtt_app.parsers.json_tree import decode, invalid

KEYS = (b'"payload"', b'"srcurl"', b'"code"')
READ = 200
UNITS = {
    "temperature": "°C",
    "processdatamaster.voltage": "mV",
    "processdatamaster.current": "mA",
}


class IoLinkParser:
    name = "io_link"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if all(key in sample for key in KEYS):
            return 0.75
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not payload_text(message.payload):
            return []
        tree = decode(message.payload)
        if isinstance(tree, dict):
            data = tree.get("data")
        else:
            data = None
        if not isinstance(data, dict) or not isinstance(data.get("payload"), dict):
            raise invalid("expected an event with data.payload")
        source = data.get("srcurl")
        if isinstance(source, str):
            name = source.partition("/")[0]
        else:
            name = ""
        return list(_facts(normal_address(name) or message.topic, data["payload"]))


def _facts(device: str, payload: dict[str, Any]) -> Iterator[Fact]:
    fields = Fields(device=device, trait=_trait, read=only_text)
    for path, answer in payload.items():
        metric = path.strip("/").replace("/", ".") or "value"
        if not isinstance(answer, dict):
            yield from fields.facts(answer, metric)
        elif answer.get("code", READ) == READ:
            yield from fields.facts(answer.get("data"), metric)
        else:
            yield FieldProblem(field=metric, reason=f"the master answers {answer.get('code')}")


def _trait(metric: str) -> Trait:
    return Trait(unit=UNITS.get(metric) or UNITS.get(metric.rpartition(".")[2], ""))
