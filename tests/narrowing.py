"""What a test knows of a value and its type does not say."""

from collections.abc import Iterable
from typing import TypeVar

from mqtt_app.domain.facts import ReadingFact

T = TypeVar("T")


def present(value: T | None) -> T:
    """The value, which is there."""
    assert value is not None
    return value


def kind_of(kind: type[T], value: object) -> T:
    """The value, which is of that kind."""
    assert isinstance(value, kind)
    return value


def readings(facts: Iterable[object]) -> list[ReadingFact]:
    """The facts, all of which are readings."""
    return [kind_of(ReadingFact, fact) for fact in facts]
