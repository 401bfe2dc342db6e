"""The guard around parsers: facts as the columns hold them.

A reading that cannot be stored costs only itself: it becomes a `FieldProblem` that names it. A bad
time costs only the time.
"""

import math
from collections.abc import Iterator

import msgspec

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
from mqtt_app.domain.values import UnstorableError, check_text

MAX_NAME, MAX_IDENTIFIER, MAX_METRIC, MAX_UNIT = 200, 512, 255, 64  # characters, as the columns
MAX_BYTES = 4_096  # of raw bytes in one reading
MAX_REMEMBERED = 262_144  # bytes
MAX_REASON = 500  # characters of what is said about a problem
SEEN = 16_384  # names and identifiers remembered as well-formed: they come again with every message

_metrics: set[str] = set()
_identifiers: set[str] = set()
_units: set[str] = {""}


def storable(facts: list[Fact]) -> list[Fact]:
    """The facts as they can be stored. Raises ParseError (UNKNOWN) for what is no fact at all."""
    checked: list[Fact] = []
    for fact in facts:
        if _is_common(fact):
            checked.append(fact)
        else:
            checked += _checked(fact)
    return checked


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
        and fact.unit in _units
        and (fact.gateway is None or fact.gateway in _identifiers)
        and (fact.time is None or (type(fact.time) is float and EARLIEST <= fact.time <= LATEST))
    )


def _checked(fact: object) -> Iterator[Fact]:
    match fact:
        case ReadingFact():
            yield from _checked_reading(fact)
        case FieldProblem():
            yield FieldProblem(field=_shown(fact.field), reason=_shown(fact.reason, MAX_REASON))
        case Remark():
            yield Remark(text=_shown(fact.text, MAX_REASON))
        case (
            Availability()
            | DeviceDescription()
            | MetricDescription()
            | TopicDescription()
            | GatewayDevices()
            | Remembered()
        ):
            yield _checked_other(fact)
        case _:
            reason = f"the parser returned {type(fact).__name__}, which is no fact"
            raise ParseError(ParseErrorKind.UNKNOWN, reason)


def _checked_reading(reading: ReadingFact) -> Iterator[Fact]:
    try:
        _check_name(reading.metric, "metric", MAX_METRIC)
        _check_identifiers(reading.device, reading.gateway)
        _check_unit(reading.unit)
        value = _value(reading.value)
    except UnstorableError as error:
        yield FieldProblem(field=_shown(reading.metric), reason=_shown(str(error), MAX_REASON))
        return
    _remember(reading)
    time = reading.time
    if time is not None and not (isinstance(time, int | float) and EARLIEST <= time <= LATEST):
        reason = "its time is no date between the years 1 and 9999; the time of receipt is taken"
        yield FieldProblem(field=_shown(reading.metric), reason=reason)
        time = None
    if value is reading.value and time is reading.time:
        yield reading
    else:
        yield msgspec.structs.replace(reading, value=value, time=time)


def _checked_other(
    fact: Availability
    | DeviceDescription
    | MetricDescription
    | TopicDescription
    | GatewayDevices
    | Remembered,
) -> Fact:
    """The fact, or the problem that one of its texts is."""
    try:
        for name in fact.__struct_fields__:
            _check_field(name, getattr(fact, name))
    except UnstorableError as error:
        return FieldProblem(field=type(fact).__name__, reason=_shown(str(error), MAX_REASON))
    return fact


def _check_field(name: str, value: object) -> None:
    if name in ("device", "identifier") or (name == "gateway" and value is not None):
        _check_name(value, name, MAX_IDENTIFIER)
    elif name == "devices" and isinstance(value, tuple):
        for identifier in value:
            _check_name(identifier, name, MAX_IDENTIFIER)
    elif name == "metric":
        _check_name(value, name, MAX_METRIC)
    elif name == "name":
        _check_length(value, name, MAX_NAME)
    elif isinstance(value, bytes) and len(value) > MAX_REMEMBERED:
        raise UnstorableError(f"{len(value):,} bytes to remember; the limit is {MAX_REMEMBERED:,}")
    elif isinstance(value, str):
        check_text(value)


def _check_identifiers(device: object, gateway: object) -> None:
    _check_name(device, "device identifier", MAX_IDENTIFIER)
    if gateway is not None:
        _check_name(gateway, "gateway identifier", MAX_IDENTIFIER)


def _check_unit(unit: object) -> None:
    if unit:
        _check_length(unit, "unit", MAX_UNIT)


def _check_name(text: object, what: str, limit: int) -> None:
    if not text:
        raise UnstorableError(f"the {what} is empty")
    _check_length(text, what, limit)


def _check_length(text: object, what: str, limit: int) -> None:
    """The text has at most `limit` characters, and none that cannot be seen."""
    if not isinstance(text, str):
        raise UnstorableError(f"the {what} is {type(text).__name__}, not text")
    if len(text) > limit:
        raise UnstorableError(f"the {what} is {len(text):,} characters long; the limit is {limit}")
    check_text(text)
    if wrong := forbidden(text):
        raise UnstorableError(f"the {what} contains the character {code_point(wrong)}")


def _value(value: object) -> float | bool | str | bytes:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, str):
        check_text(value)
        return value
    if isinstance(value, bytes):
        if len(value) > MAX_BYTES:
            raise UnstorableError(f"{len(value):,} bytes in one value; the limit is {MAX_BYTES:,}")
        return value
    raise UnstorableError(f"a value of type {type(value).__name__} cannot be stored")


def _number(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise UnstorableError("the number is too large to be stored") from None
    if not math.isfinite(number):
        raise UnstorableError("no finite number, or too large to be stored")
    if type(value) is float:
        return value
    return number


def _remember(reading: ReadingFact) -> None:
    for known, text in (
        (_metrics, reading.metric),
        (_identifiers, reading.device),
        (_identifiers, reading.gateway),
        (_units, reading.unit),
    ):
        if len(known) >= SEEN:
            known.clear()
        if text is not None:
            known.add(text)


def _shown(text: object, limit: int = 100) -> str:
    """The text so that a log can hold it, cut at `limit` characters."""
    if isinstance(text, str):
        shown = text
    else:
        shown = repr(text)
    if len(shown) > limit:
        shown = shown[: limit - 1] + "…"
    clean = shown.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    return clean or "(no name)"
