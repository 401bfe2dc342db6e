"""A parser whose messages are the facts themselves, and what a batch made of them."""

import json
from typing import Any

import pytest

from mqtt_app.domain import facts
from mqtt_app.domain.facts import Fact, Liveness, ParseError, ParseErrorKind
from mqtt_app.models import Device, Metric, MqttConnection, MqttParsingLog, Reading
from mqtt_app.parsers.registry import Registry
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.ingest.parsing import parsers
from tests.integration.ingest.test_store import NOW, batch, message

KINDS = {
    "reading": facts.ReadingFact,
    "availability": facts.Availability,
    "device": facts.DeviceDescription,
    "metric": facts.MetricDescription,
    "topic": facts.TopicDescription,
    "list": facts.GatewayDevices,
    "remember": facts.Remembered,
    "problem": facts.FieldProblem,
    "remark": facts.Remark,
}


class Scripted:
    """Reads `[["reading", {...}], ...]` on topics below `script/`. `seen` has the memory of each
    message.
    """

    name, version = "scripted", "1"

    def __init__(self) -> None:
        self.seen: list[dict[str, bytes]] = []

    def matches(self, topic: str, sample: bytes) -> float:
        return 0.95 if topic.startswith("script/") else 0.0

    def remembers(self, topic: str) -> list[str]:
        return ["births", topic]

    def parse(self, message: Any) -> list[Fact]:
        self.seen.append(dict(message.memory))
        body = json.loads(message.payload or b"[]")
        if body == "zone":
            return [reading(value=message.time_zone)]
        if body == "fail":
            raise ParseError(ParseErrorKind.PARSE, "no such field")
        return [_fact(kind, dict(values)) for kind, values in body]


def _fact(kind: str, values: dict[str, Any]) -> Fact:
    if "state" in values:
        values["state"] = Liveness(values["state"])
    if isinstance(values.get("devices"), list):
        values["devices"] = tuple(values["devices"])
    if kind == "remember" and values["value"] is not None:
        values["value"] = values["value"].encode()
    fact: Fact = KINDS[kind](**values)
    return fact


def reading(**values: Any) -> Any:
    return facts.ReadingFact(**{"device": "dev", "metric": "m", "value": 1.0, **values})


def value(number: Any, **values: Any) -> list[Any]:
    """A reading as the script has it."""
    return ["reading", {"device": "dev", "metric": "m", "value": number, **values}]


def install(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Beside the parsers that there are."""
    parser = Scripted()
    registry = Registry([parser, *parsers.installed().parsers])
    monkeypatch.setattr(parsers, "installed", lambda: registry)
    PROCESS.forget()
    return parser


def say(
    link: MqttConnection, *spoken: Any, topic: str = "script/a", at: float = 0.0, **changes: Any
) -> None:
    """One message of these facts, received `at` seconds."""
    sent = message(link, topic, list(spoken), received_at=NOW + at, **changes)
    pipeline.store(batch(sent), NOW + at)


def device(identifier: str = "dev") -> Device:
    return Device.objects.get(identifier=identifier)


def metric(name: str = "m", identifier: str = "dev") -> Metric:
    return Metric.objects.get(device__identifier=identifier, name=name)


def values(name: str = "m") -> list[Any]:
    return [row.shown for row in Reading.objects.filter(metric=name).order_by("id")]


def said() -> list[str]:
    return list(MqttParsingLog.objects.order_by("id").values_list("error_message", flat=True))
