"""IO-Link masters with the JSON of the IO-Link community (ifm AL13xx and others): events.

Source: ifm's manual "IoT core", section MQTT; IO-Link Community, "JSON Integration for IO-Link".
`data.payload` has a code and data for each path; `srcurl` begins with the name of the master, by
default its MAC, which names the device. A code other than 200 is a path that could not be read.
"""

from collections.abc import Iterator
from typing import Any

from mqtt_app.domain.facts import Fact, FieldProblem, normal_address
from mqtt_app.parsers.collector import object_at, text_at
from mqtt_app.parsers.fields import Fields, Trait, only_text
from mqtt_app.parsers.json_forms import JsonForm
from mqtt_app.parsers.json_tree import invalid

KEYS = (b'"payload"', b'"srcurl"', b'"code"')
READ = 200
UNITS = {
    "temperature": "°C",
    "processdatamaster.voltage": "mV",
    "processdatamaster.current": "mA",
}


def read(topic: str, tree: Any) -> Iterator[Fact]:
    if isinstance(tree, dict):
        data = object_at(tree, "data")
    else:
        data = {}
    if not isinstance(data.get("payload"), dict):
        raise invalid("expected an event with data.payload")
    name = text_at(data, "srcurl").partition("/")[0]
    return _facts(normal_address(name) or topic, data["payload"])


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


FORM = JsonForm(name="io_link", keys=(KEYS,), read=read, confidence=0.75)
