"""One value per topic: `21.5`, `21.5 °C`, `ON`, `open`, short text.

true/false, on/off, yes/no and open/closed are booleans; `online` and the like stay text. What looks
like a number but is none (`21,5`, `1_000`, other scripts' digits) is an error rather than text, so
that nobody searches for it.
"""

import re
from collections.abc import Sequence

from mqtt_app.domain.facts import Fact, ParseError, ParseErrorKind, ReadingFact, Value
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.json_tree import invalid, to_value

MAX_LENGTH = 256  # bytes; longer text is a document, not a value
BOOLEANS = {
    "true": True,
    "false": False,
    "on": True,
    "off": False,
    "yes": True,
    "no": False,
    "open": True,
    "closed": False,
}
NO_VALUE = {
    "-",
    "--",
    "nan",
    "null",
    "none",
    "inf",
    "-inf",
    "+inf",
    "infinity",
    "-infinity",
    "+infinity",
}

_NUMBER = re.compile(
    r"(?P<number>[+-]?[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,6})?)"
    r"(?: ?(?P<unit>[^\W\d_]{1,8}|[°%µ][\w/%²³]{0,7}))?"
)
_ALMOST_NUMBER = re.compile(r"[+-]?[\d_,.' ]+")
_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+){2,}", re.ASCII)  # versions and addresses


class ScalarParser:
    name = "scalar"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        text = _text(sample)
        if text is None or text[:1] in ("{", "["):
            return 0.0
        if not text:
            # so that an empty message shows as an error; any parser that knows the topic is surer
            return 0.15
        return 0.5 if text.lower() in BOOLEANS or _NUMBER.fullmatch(text) else 0.2

    def parse(self, message: Message) -> Sequence[Fact]:
        text = _text(message.payload)
        if text is None:
            reason = f"expected one value as text of at most {MAX_LENGTH} bytes in UTF-8"
            raise ParseError(ParseErrorKind.PARSE, reason)
        device, metric = _names(message.topic)
        return [ReadingFact(device=device, metric=metric, value=read(text, metric))]


def read(text: str, metric: str) -> Value:
    """The value of stripped text. Raises ParseError (VALIDATION) when it says nothing that can be
    stored.
    """
    if not text:
        raise invalid("the payload is empty; expected a value")
    if text[0] in "{[":
        raise ParseError(ParseErrorKind.PARSE, "expected a single value, but this looks like JSON")
    if len(text) > 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    lower = text.lower()
    if lower in NO_VALUE:
        raise invalid(f"{text!r} is no value")
    if lower in BOOLEANS:
        return BOOLEANS[lower]
    if number := _NUMBER.fullmatch(text):
        return to_value(float(number["number"]), metric)
    if _ALMOST_NUMBER.fullmatch(text) and not _DOTTED.fullmatch(text):
        raise invalid(
            f"{text[:60]!r} is no number; expected digits 0 to 9 with a decimal point, such as 21.5"
        )
    return text


def _text(payload: bytes) -> str | None:
    """Stripped printable text, or None."""
    if len(payload) > MAX_LENGTH:
        return None
    try:
        text = payload.decode().strip(" \t\r\n")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def _names(topic: str) -> tuple[str, str]:
    """Device and metric: all levels but the last, and the last."""
    device, _, metric = topic.strip("/").rpartition("/")
    if not device.strip("/"):
        return metric or topic, "value"
    return device, metric
