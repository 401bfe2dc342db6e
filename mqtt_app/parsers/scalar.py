"""One value per topic: `21.5`, `21.5 °C`, `ON`, `open`, short text.

What is a number, a unit or a state is decided by `mqtt_app.domain.values`. The last level of the
topic is the metric of what is above it. On topics of availability the words of a Will are no
readings.
"""

from collections.abc import Sequence

from mqtt_app.domain.facts import (
    Availability,
    Fact,
    FieldProblem,
    ParseError,
    ParseErrorKind,
    ReadingFact,
    Remark,
)
from mqtt_app.domain.values import UnstorableError, number, text_value
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.encoding import PayloadText, is_written, text_of
from mqtt_app.parsers.generic.availability import liveness
from mqtt_app.parsers.generic.key_roles import is_diagnostic
from mqtt_app.parsers.generic.topic_roles import TopicRole, role_of
from mqtt_app.parsers.generic.units_in_names import unit_in_name

MAX_LENGTH = 256  # bytes; longer text is a document, not a value
_BOOLEAN_WORDS = frozenset(("true", "false", "on", "off", "yes", "no", "open", "closed"))


class ScalarParser:
    name = "scalar"
    version = "2"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        """Nothing for an empty payload and for words that stand for no value: they say nothing
        about the format.
        """
        found = _text(sample)
        if found is None or found.text[:1] in ("", "{", "["):
            return 0.0
        text = found.text
        try:
            if text_value(text) is None:
                return 0.0
            is_sure = text.lower() in _BOOLEAN_WORDS or number(text) is not None
        except UnstorableError:
            return 0.0
        if is_sure:
            return 0.5
        return 0.2

    def parse(self, message: Message) -> Sequence[Fact]:
        role = role_of(message.topic)
        if role.is_silent or not message.payload.strip(b" \t\r\n\x00"):
            return []
        return plain_facts(message, role)


def plain_facts(message: Message, role: TopicRole) -> list[Fact]:
    """The facts of one value as text. Raises ParseError (PARSE) for bytes that are no short text,
    and for JSON, so that its own parser is asked.
    """
    found = _text(message.payload)
    if found is None:
        reason = f"expected one value as text of at most {MAX_LENGTH} bytes in UTF-8"
        raise ParseError(ParseErrorKind.PARSE, reason)
    text = found.text
    if text[:1] in ("{", "["):
        raise ParseError(ParseErrorKind.PARSE, "expected a single value, but this looks like JSON")
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    facts = _facts(text, role)
    if found.remark and facts:
        return [*facts, Remark(text=found.remark)]
    return facts


def _facts(text: str, role: TopicRole) -> list[Fact]:
    if role.speaks_for:
        state = liveness(text, role.false_is_death)
        if state is not None:
            return [
                Availability(identifier=role.speaks_for, state=state, is_gateway=role.is_gateway)
            ]
    try:
        quantity = text_value(text, role.metric, role.parent)
    except UnstorableError as error:
        return [FieldProblem(field=role.metric, reason=str(error))]
    if quantity is None:
        return []
    is_number = type(quantity.value) is float
    return [
        ReadingFact(
            device=role.parent,
            metric=role.metric,
            value=quantity.value,
            unit=quantity.unit or (unit_in_name(role.metric) if is_number else ""),
            diagnostic=is_diagnostic(role.metric),
        )
    ]


def _text(payload: bytes) -> PayloadText | None:
    """Stripped printable text, or None."""
    if len(payload) > MAX_LENGTH:
        return None
    found = text_of(payload)
    text = found.text.strip(" \t\r\n\x00")
    stripped = PayloadText(text, found.remark)
    if text.isprintable() and is_written(stripped):
        return stripped
    return None
