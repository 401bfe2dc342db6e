"""Which parsers there are, who is asked for a topic, and the guard around every one of them."""

import math
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from itertools import islice
from typing import cast

from mqtt_app.domain.facts import Fact, ParseError, ParseErrorKind
from mqtt_app.parsers.base import MAX_FACTS, MAX_PAYLOAD, Message, Parser
from mqtt_app.parsers.built_in import built_ins
from mqtt_app.parsers.storable import storable

GROUP = "sitewire.parsers"
THRESHOLD = 0.1  # less confidence than this is none
MAX_PARSER_NAME = 100


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
        why = "is not installed, or has another name now"
        if reason:
            why = f"could not be loaded: {reason}"
        return ParseError(ParseErrorKind.UNKNOWN, f"the parser {name} {why}")

    def recognise(self, topic: str, sample: bytes) -> Parser | None:
        """The parser that is surest of the topic; the earlier one when two are equally sure; None
        when none is.
        """
        best, highest = None, 0.0
        for parser in self.parsers:
            found = confidence(parser, topic, sample)
            if found >= THRESHOLD and found > highest:
                best, highest = parser, found
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
    """Facts that can be stored as they are, or ParseError, whatever the parser does. A reading that
    cannot be stored becomes a `FieldProblem`; the others are kept.
    """
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
    return storable(facts)


def _checked(made: object, taken: set[str]) -> Parser:
    """An entry point may name a class, a function without parameters, or a ready parser."""
    if callable(made):
        parser: object = made()
    else:
        parser = made
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
    return cast(Parser, parser)


def confidence(parser: Parser, topic: str, sample: bytes) -> float:
    """From 0.0 to 1.0, also for a parser that fails to say."""
    try:
        found = float(parser.matches(topic, sample))
    except Exception:  # noqa: BLE001  a parser that fails here does not know the topic
        return 0.0
    if math.isfinite(found):
        return min(found, 1.0)
    return 0.0


def _invalid(text: str) -> ParseError:
    return ParseError(ParseErrorKind.VALIDATION, text)
