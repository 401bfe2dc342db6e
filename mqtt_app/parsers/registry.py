"""Which parsers there are, who is asked for a topic, and the guard around every one of them."""

import math
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from itertools import islice

from mqtt_app.domain.characters import code_point, forbidden
from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    FieldProblem,
    GatewayDevices,
    MetricDescription,
    ParseError,
    ParseErrorKind,
    ReadingFact,
    Remark,
    Remembered,
    TopicDescription,
)
from mqtt_app.domain.ingest.times import EARLIEST, LATEST
from mqtt_app.parsers.base import MAX_FACTS, MAX_PAYLOAD, Message, Parser
from mqtt_app.parsers.building import building_parsers
from mqtt_app.parsers.json_objects import JsonParser
from mqtt_app.parsers.scalar import ScalarParser
from mqtt_app.parsers.tasmota import TasmotaParser
from mqtt_app.parsers.zigbee2mqtt import Zigbee2MqttParser

GROUP = "sitewire.parsers"
THRESHOLD = 0.1  # less confidence than this is none
MAX_NAME, MAX_IDENTIFIER, MAX_METRIC = 200, 512, 255  # characters; the columns hold no more
MAX_VALUE = 4096  # characters of text or raw bytes in one reading
MAX_PARSER_NAME = 100
SEEN = 16_384  # names and identifiers remembered as well-formed: they come again with every message

_metrics: set[str] = set()
_identifiers: set[str] = set()


def built_ins() -> list[Parser]:
    """In the order in which ties are decided: the most particular first."""
    return [
        Zigbee2MqttParser(),
        TasmotaParser(),
        *building_parsers(),
        JsonParser(),
        ScalarParser(),
    ]


class Registry:
    """`failures` holds (entry point, reason) of those that could not be loaded; the caller logs
    them.

    An entry point has the name of its parser, so that whoever misses the parser is told why.
    """

    def __init__(self, parsers: Iterable[Parser], failures: Iterable[tuple[str, str]] = ()) -> None:
        self._by_name = {parser.name: parser for parser in parsers}
        self.failures = tuple(failures)

    @property
    def parsers(self) -> tuple[Parser, ...]:
        return tuple(self._by_name.values())

    def get(self, name: str) -> Parser | None:
        return self._by_name.get(name)

    def absence(self, name: str) -> ParseError:
        """Why a topic's parser is not there: a broken or forgotten package makes no other parser
        the right one.
        """
        reason = dict(self.failures).get(name)
        why = (
            f"could not be loaded: {reason}"
            if reason
            else "is not installed, or has another name now"
        )
        return ParseError(ParseErrorKind.UNKNOWN, f"the parser {name} {why}")

    def recognise(self, topic: str, sample: bytes) -> Parser | None:
        """The parser that is surest of the topic; the earlier one when two are equally sure; None
        when none is.
        """
        best, confidence = None, 0.0
        for parser in self.parsers:
            found = _confidence(parser, topic, sample)
            if found >= THRESHOLD and found > confidence:
                best, confidence = parser, found
        return best


def load(points: Iterable[EntryPoint] | None = None) -> Registry:
    """The built-in parsers and those of installed packages. One that does not load never stops the
    others.
    """
    parsers, failures = built_ins(), []
    for point in entry_points(group=GROUP) if points is None else points:
        try:
            parsers.append(_checked(point.load(), {parser.name for parser in parsers}))
        except Exception as error:  # noqa: BLE001  foreign code may raise anything, and it is reported
            failures.append((point.name, f"{type(error).__name__}: {error}"))
    return Registry(parsers, failures)


def run(parser: Parser, message: Message) -> Sequence[Fact]:
    """Facts that can be stored as they are, or ParseError, whatever the parser does."""
    if len(message.payload) > MAX_PAYLOAD:
        raise _invalid(
            f"the payload is {len(message.payload):,} bytes long; the limit is {MAX_PAYLOAD:,}"
        )
    try:
        facts = list(islice(parser.parse(message), MAX_FACTS + 1))
    except ParseError:
        raise
    except Exception as error:
        reason = f"the parser {parser.name} failed: {type(error).__name__}: {error}"
        raise ParseError(ParseErrorKind.UNKNOWN, reason[:500]) from error
    if len(facts) > MAX_FACTS:
        raise _invalid(f"more than {MAX_FACTS:,} values in one message")
    return [fact if _is_common(fact) else _storable(fact) for fact in facts]


def _is_common(fact: object) -> bool:
    """A finite float of a device and a metric that were checked before: nearly every reading, so
    this one is quick.
    """
    return (
        type(fact) is ReadingFact
        and type(fact.value) is float
        and math.isfinite(fact.value)
        and fact.metric in _metrics
        and fact.device in _identifiers
        and (fact.gateway is None or fact.gateway in _identifiers)
        and (fact.time is None or (type(fact.time) is float and EARLIEST <= fact.time <= LATEST))
    )


def _checked(made: object, taken: set[str]) -> Parser:
    """An entry point may name a class, a function without parameters, or a ready parser."""
    parser = made() if callable(made) else made
    name = getattr(parser, "name", None)
    if not isinstance(name, str) or not 0 < len(name) <= MAX_PARSER_NAME:
        raise TypeError(f"a parser needs a name of 1 to {MAX_PARSER_NAME} characters")
    if name in taken:
        raise ValueError(f"there is already a parser named {name!r}")
    if not isinstance(getattr(parser, "version", None), str):
        raise TypeError("a parser needs a version, a string")
    if not callable(getattr(parser, "matches", None)) or not callable(
        getattr(parser, "parse", None)
    ):
        raise TypeError("a parser needs the methods matches and parse")
    return parser  # type: ignore[return-value]


def _confidence(parser: Parser, topic: str, sample: bytes) -> float:
    try:
        found = float(parser.matches(topic, sample))
    except Exception:  # noqa: BLE001  a parser that fails here does not know the topic
        return 0.0
    return min(found, 1.0) if math.isfinite(found) else 0.0


def _storable(fact: object) -> Fact:
    """The fact itself, an integer made a float; ParseError when it could not be a row."""
    match fact:
        case ReadingFact():
            _check_text(fact.metric, "metric", MAX_METRIC)
            _check_identifiers(fact.device, fact.gateway)
            storable = _with_value(fact)
            _remember(fact)
            return storable
        case Availability():
            _check_identifiers(fact.identifier, fact.gateway)
            return fact
        case DeviceDescription():
            _check_identifiers(fact.device, fact.gateway)
            if fact.name:
                _check_text(fact.name, "name", MAX_NAME)
            return fact
        case (
            MetricDescription()
            | TopicDescription()
            | GatewayDevices()
            | Remembered()
            | FieldProblem()
            | Remark()
        ):
            return fact
    raise ParseError(
        ParseErrorKind.UNKNOWN, f"the parser returned {type(fact).__name__}, which is no fact"
    )


def _remember(reading: ReadingFact) -> None:
    for known, text in (
        (_metrics, reading.metric),
        (_identifiers, reading.device),
        (_identifiers, reading.gateway),
    ):
        if len(known) >= SEEN:
            known.clear()
        if text is not None:
            known.add(text)


def _with_value(reading: ReadingFact) -> ReadingFact:
    where = f"metric {reading.metric[:60]!r}"
    time = reading.time
    if time is not None and not (isinstance(time, int | float) and EARLIEST <= time <= LATEST):
        raise _invalid(f"{where}: its time is no date between the years 1 and 9999")
    value = _value(reading.value, where)
    return (
        reading
        if value is reading.value
        else ReadingFact(
            device=reading.device,
            metric=reading.metric,
            value=value,
            time=time,
            gateway=reading.gateway,
            unit=reading.unit,
            diagnostic=reading.diagnostic,
        )
    )


def _value(value: object, where: str) -> float | bool | str | bytes:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value, where)
    if isinstance(value, str | bytes) and len(value) > MAX_VALUE:
        raise _invalid(f"{where}: its value is {len(value):,} long; the limit is {MAX_VALUE:,}")
    if isinstance(value, str):
        return _well_formed(value, f"the value of {where}")
    if isinstance(value, bytes):
        return value
    raise _invalid(f"{where}: a value of type {type(value).__name__} cannot be stored")


def _number(value: float, where: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise _invalid(f"{where}: the number is too large to be stored") from None
    if not math.isfinite(number):
        raise _invalid(f"{where}: {number} is no finite number")
    return value if type(value) is float else number


def _check_identifiers(identifier: object, gateway: object) -> None:
    _check_text(identifier, "device identifier", MAX_IDENTIFIER)
    if gateway is not None:
        _check_text(gateway, "gateway identifier", MAX_IDENTIFIER)


def _check_text(text: object, what: str, limit: int) -> None:
    if not isinstance(text, str) or not text:
        raise _invalid(f"a {what} is empty or no text")
    if len(text) > limit:
        raise _invalid(
            f"the {what} {text[:60]!r}... is {len(text):,} characters long; the limit is {limit}"
        )
    _well_formed(text, f"the {what} {text[:60]!r}")
    if wrong := forbidden(text):
        raise _invalid(f"the {what} {text[:60]!r} contains the character {code_point(wrong)}")


def _well_formed(text: str, where: str) -> str:
    if "\x00" in text:
        raise _invalid(f"{where} contains a NUL character")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise _invalid(f"{where} contains half of a surrogate pair")
    return text


def _invalid(text: str) -> ParseError:
    return ParseError(ParseErrorKind.VALIDATION, text)
