"""Messages that hold the message of a device under a key, with words about it beside.

Sources: CloudEvents 1.0, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md;
Node-RED's message object, https://nodered.org/docs/user-guide/messages; events of Particle's webhooks,
https://docs.particle.io/reference/cloud-apis/webhooks/. What is held is read as JSON of the topic
is, at the time of the envelope; the envelope itself is no reading.
"""

import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import Fact
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import payload_text
from mqtt_app.parsers.json_objects import JsonParser
from mqtt_app.parsers.json_tree import decode, invalid

_JSON = JsonParser()


class Wrapping(msgspec.Struct, frozen=True):
    """`keys`: all stand in it. `held` gives the topic and what is held."""

    keys: tuple[str, ...]
    held: Callable[[str, dict[str, Any]], tuple[str, Any]]


class EnvelopeParser:
    name = "envelope"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if sample.lstrip()[:1] != b"{":
            return 0.0
        for envelope in ENVELOPES:
            if all(f'"{key}"'.encode() in sample for key in envelope.keys):
                return 0.6
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not payload_text(message.payload):
            return []
        tree = decode(message.payload)
        for envelope in ENVELOPES:
            if isinstance(tree, dict) and tree.keys() >= set(envelope.keys):
                topic, held = envelope.held(message.topic, tree)
                if held is None:
                    return []
                payload = json.dumps(held).encode()
                return _JSON.parse(msgspec.structs.replace(message, topic=topic, payload=payload))
        raise invalid("expected a CloudEvent, a message of Node-RED or an event of Particle")


def _cloud_event(topic: str, tree: dict[str, Any]) -> tuple[str, Any]:
    held = tree.get("data")
    if held is None and isinstance(tree.get("data_base64"), str):
        held = _decoded(tree["data_base64"])
    return topic, _at(tree.get("time"), held)


def _decoded(text: str) -> Any:
    """JSON in base64; nothing where it is anything else."""
    try:
        return json.loads(b64decode(text, validate=True))
    except (Base64Error, ValueError, RecursionError):
        return None


def _node_red(topic: str, tree: dict[str, Any]) -> tuple[str, Any]:
    """A message may name a topic of its own, below that of the broker."""
    own = tree["topic"]
    if isinstance(own, str) and own.strip("/ ") and not own.startswith(topic):
        topic = f"{topic}/{own.strip('/ ')[:200]}"
    return topic, tree["payload"]


def _particle(topic: str, tree: dict[str, Any]) -> tuple[str, Any]:
    held = tree["data"]
    if isinstance(held, str) and held.lstrip()[:1] == "{":
        held = _json(held)
    event = tree.get("event")
    if isinstance(event, str) and event and not isinstance(held, dict | list):
        held = {event[:100]: held}
    found = _at(tree["published_at"], held)
    if isinstance(found, dict) and isinstance(tree["coreid"], str):
        return topic, {**found, "coreid": tree["coreid"]}
    return topic, found


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _at(time: Any, held: Any) -> Any:
    """What is held, with the envelope's time where it has none under a key of that name."""
    if isinstance(held, dict):
        if isinstance(time, str) and "time" not in held:
            return {**held, "time": time}
        return held
    if held is None or isinstance(held, list) or not isinstance(time, str):
        return held
    return {"value": held, "time": time}


ENVELOPES = (
    Wrapping(("specversion", "type", "source", "id"), _cloud_event),
    Wrapping(("topic", "payload", "_msgid"), _node_red),
    Wrapping(("data", "published_at", "coreid"), _particle),
)
