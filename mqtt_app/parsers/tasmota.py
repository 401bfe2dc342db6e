"""Tasmota: `tele|stat/<device>/<message>`, or the device before the prefix.

Source: https://tasmota.github.io/docs/MQTT/. The order of prefix and device is the user's choice
(FullTopic), so the prefix may be the first or the second level. `Time` is local time without a
zone, so the time of receipt is used.
"""

import re
from collections.abc import Sequence
from typing import Any

from mqtt_app.domain.facts import (
    Availability,
    Fact,
    Liveness,
    ParseError,
    ParseErrorKind,
    ReadingFact,
)
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.json_tree import decode, flatten, invalid
from mqtt_app.parsers.scalar import read

PREFIXES = ("tele", "stat")
COMMAND = "cmnd"
METADATA = {"Time", "TempUnit", "PressureUnit", "SpeedUnit", "UptimeSec"}
JSON_MESSAGES = {"SENSOR", "STATE", "RESULT"}

_STATUS = re.compile(r"STATUS[0-9]{0,2}", re.ASCII)
_POWER = re.compile(r"POWER[0-9]{0,2}", re.ASCII)


class TasmotaParser:
    name = "tasmota"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        prefix, device, kind = _split(topic)
        if not prefix or not device:
            return 0.0
        return (
            0.8
            if kind in JSON_MESSAGES
            or kind == "LWT"
            or _STATUS.fullmatch(kind)
            or _POWER.fullmatch(kind)
            else 0.0
        )

    def parse(self, message: Message) -> Sequence[Fact]:
        prefix, device, kind = _split(message.topic)
        if prefix == COMMAND:
            return []
        if not prefix or not device:
            raise ParseError(ParseErrorKind.PARSE, "expected a topic such as tele/<device>/SENSOR")
        if kind == "LWT":
            return [
                Availability(
                    identifier=device,
                    state=Liveness.ONLINE if _is_online(message.payload) else Liveness.OFFLINE,
                )
            ]
        if _POWER.fullmatch(kind):
            text = message.payload.decode("latin-1").strip()
            return [ReadingFact(device=device, metric=kind, value=read(text, kind))]
        if kind in JSON_MESSAGES or _STATUS.fullmatch(kind):
            return _readings(device, kind, decode(message.payload))
        return []


def _split(topic: str) -> tuple[str, str, str]:
    """(prefix, device, kind of message), the first two empty when there is no prefix among the
    first two levels.
    """
    levels = topic.split("/")
    place = next(
        (place for place, level in enumerate(levels[:2]) if level in (*PREFIXES, COMMAND)), None
    )
    if place is None or len(levels) < 3:
        return "", "", ""
    prefix = levels.pop(place)
    return prefix, "/".join(levels[:-1]).strip("/"), levels[-1]


def _readings(device: str, kind: str, tree: Any) -> list[Fact]:
    if not isinstance(tree, dict):
        raise invalid("expected a JSON object")
    if _STATUS.fullmatch(
        kind
    ):  # answers to questions; only the wrapped sensor values are measurements
        tree = tree.get("StatusSNS", {})
    if not isinstance(tree, dict):
        raise invalid("expected a JSON object under StatusSNS")
    values = {key: value for key, value in tree.items() if key not in METADATA}
    return [
        ReadingFact(device=device, metric=metric, value=value) for metric, value in flatten(values)
    ]


def _is_online(payload: bytes) -> bool:
    word = payload.strip()
    if word not in (b"Online", b"Offline"):
        raise invalid("expected Online or Offline")
    return word == b"Online"
