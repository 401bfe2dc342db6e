"""What the installed parsers make of one message, for authors of parsers and to find the reason
of a reading. Nothing is stored.
"""

import base64
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    FieldProblem,
    GatewayDevices,
    MetricDescription,
    ReadingFact,
    Remark,
    Remembered,
    TopicDescription,
)
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.trial import ParserTrial, try_parsers
from mqtt_app.services.ingest.parsing.parsers import installed

FACT_NAMES: Mapping[type, str] = {
    ReadingFact: "reading",
    Availability: "availability",
    DeviceDescription: "device",
    MetricDescription: "metric",
    TopicDescription: "topic",
    GatewayDevices: "gateway_devices",
    Remembered: "remembered",
    FieldProblem: "field_problem",
    Remark: "remark",
}


def try_message(message: Message) -> ParserTrial:
    """Never raises: what a parser cannot read is in `ParserTrial.error`."""
    return try_parsers(installed(), message)


def is_time_zone(name: str) -> bool:
    """An IANA name such as Europe/Berlin."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # an OSError for a folder of zones
        return False
    return True


def as_json(trial: ParserTrial) -> dict[str, Any]:
    """`{"claims": [{"parser", "version", "confidence"}], "parser": the first of them or null,
    "facts": [{"fact": "reading", ...}], "error": {"error_type", "message"} or null}`.
    """
    error = trial.error
    return {
        "claims": msgspec.to_builtins(trial.claims),
        "parser": trial.claims[0].parser if trial.claims else None,
        "facts": [fact_as_json(fact) for fact in trial.facts],
        "error": error and {"error_type": error.kind.value, "message": str(error)},
    }


def fact_as_json(fact: Fact) -> dict[str, Any]:
    """The fact's fields beside its name; raw bytes as `{"base64": "..."}`."""
    values = msgspec.structs.asdict(fact)
    return {"fact": FACT_NAMES[type(fact)]} | {name: _plain(values[name]) for name in values}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    return msgspec.to_builtins(value)
