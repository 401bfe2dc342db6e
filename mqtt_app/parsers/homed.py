"""HOMEd: `<prefix>/fd/<service>/<device>[/<endpoint>]` from a device, `<prefix>/td/...` to it.

Source: https://wiki.homed.dev. `<prefix>/device/<service>/<device>` says whether a device is there,
`<prefix>/service/<service>` whether the service is. A device is named by its address or, where the
user wants it so, by its name. Everything else describes, commands or tells of events.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import Availability, Fact, FieldProblem, Liveness, ReadingFact, Value
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.encoding import text_of
from mqtt_app.parsers.json_tree import decode, invalid
from mqtt_app.parsers.liveness import liveness_in, said_liveness
from mqtt_app.parsers.tree_values import TreeValue, tree_values

FAMILY = "homed"
KINDS = frozenset(["fd", "td", "device", "service", "status", "expose", "event", "command"])
LIVENESS = {
    "inactive": Liveness.OFFLINE,
}
SWITCH = {"on": True, "off": False}  # of `status`; elsewhere they are modes
DIAGNOSTIC = {"linkQuality", "messageId"}
TIMES = ("lastSeen", "timestamp")

_ENDPOINT = re.compile(r"[0-9]{1,3}", re.ASCII)


class HomedTopic(msgspec.Struct, frozen=True, gc=False):
    """`kind` is "" for topics of others; `endpoint` is "" for a device of one."""

    service: str
    kind: str
    device: str = ""
    endpoint: str = ""


NOBODY = HomedTopic("", "")


@lru_cache(maxsize=16_384)
def topic_of(topic: str) -> HomedTopic:
    levels = topic.split("/")
    if FAMILY not in levels[:-2]:
        return NOBODY
    place = levels.index(FAMILY)
    kind = levels[place + 1]
    if kind not in KINDS:
        return NOBODY
    service = "/".join((*levels[: place + 1], levels[place + 2]))
    below = levels[place + 3 :]
    if len(below) > 1 and _ENDPOINT.fullmatch(below[-1]):
        endpoint = below.pop()
    else:
        endpoint = ""
    return HomedTopic(service, kind, f"{service}/{'/'.join(below)}" if below else "", endpoint)


class HomedParser:
    name = "homed"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if topic_of(topic).kind:
            return 0.8
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        found = topic_of(message.topic)
        if found.kind not in ("fd", "device", "service") or not message.payload.strip():
            return []
        state = _state(message.payload)
        if found.kind == "fd":
            if found.device:
                return list(_readings(found, state))
            return []
        return list(_availability(found, state))


def _state(payload: bytes) -> dict[str, Any]:
    text = text_of(payload).text.strip()
    if said_liveness(text, LIVENESS) and text[:1] != "{":
        return {"status": text}
    state = decode(payload)
    if not isinstance(state, dict):
        raise invalid("expected a JSON object with the state of a device")
    return state


def _availability(found: HomedTopic, state: dict[str, Any]) -> Iterator[Availability]:
    known = liveness_in(state, LIVENESS)
    if known is None:
        return
    is_gateway = found.kind == "service"
    if is_gateway:
        identifier = found.service
    else:
        identifier = found.device
    if identifier:
        yield Availability(
            identifier=identifier,
            state=known,
            is_gateway=is_gateway,
            gateway=None if is_gateway else found.service,
        )


def _readings(found: HomedTopic, state: dict[str, Any]) -> Iterator[ReadingFact | FieldProblem]:
    time = next((parse_time(state[key]) for key in TIMES if key in state), None)
    values = {key: value for key, value in state.items() if key not in TIMES}
    for value in tree_values(values):
        if isinstance(value, FieldProblem):
            yield value
            continue
        is_diagnostic = value.path in DIAGNOSTIC
        is_of_endpoint = found.endpoint and not is_diagnostic
        yield ReadingFact(
            device=found.device,
            metric=f"{found.endpoint}.{value.path}" if is_of_endpoint else value.path,
            value=_switched(value),
            time=time,
            gateway=found.service,
            unit=value.unit,
            diagnostic=is_diagnostic,
        )


def _switched(value: TreeValue) -> Value:
    is_switch = value.path == "status" and isinstance(value.value, str)
    if is_switch:
        return SWITCH.get(str(value.value), value.value)
    return value.value
