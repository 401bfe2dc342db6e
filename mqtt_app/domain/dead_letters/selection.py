"""Which dead letters of a site a replay is about, and what came of it so far. Pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from mqtt_app.domain.topics import validate_filter

MAX_ERRORS = 10  # kinds of failure that a replay lists; all are counted
MAX_ERROR = 300  # characters of one that are shown
MAX_TOPIC = 200  # characters
OTHERS = "other reasons"
_NUMBERS = re.compile(r"\d+(?:[.,]\d+)*")


class Selection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Dead letters for which everything holds that is given. `ids` empty: any. `topic_filter` is an
    MQTT filter. `since` and `until` are the times of receipt, both inclusive.
    `error_pattern` is a regular expression of PostgreSQL for the words of the error.
    """

    ids: tuple[int, ...] = ()
    topic_filter: str = ""
    parser_name: str = ""
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None
    error_pattern: str = ""


class ErrorKind(msgspec.Struct):
    """Failures whose words differ in their numbers only: their number, and the first of them."""

    error: str
    count: int
    topic: str


class ReplayResult(msgspec.Struct):
    """`dropped`: read, and not stored, since the topic is switched off or a quota is full."""

    stored: int = 0
    failed: int = 0
    dropped: int = 0
    errors: list[ErrorKind] = []

    @property
    def done(self) -> int:
        return self.stored + self.failed + self.dropped

    def add_failure(self, error: str, topic: str) -> None:
        self.failed += 1
        shown = error[:MAX_ERROR]
        kind = self._kind_of(shown)
        if kind is None and len(self.errors) >= MAX_ERRORS:
            shown = OTHERS
            kind = self._kind_of(shown)
        if kind is None:
            self.errors.append(ErrorKind(shown, 1, topic[:MAX_TOPIC]))
        else:
            kind.count += 1

    def add(self, other: "ReplayResult") -> None:
        self.stored += other.stored
        self.dropped += other.dropped
        for kind in other.errors:
            self.add_failure(kind.error, kind.topic)
            self.failed += kind.count - 1
            found = self._kind_of(kind.error) or self._kind_of(OTHERS)
            assert found is not None
            found.count += kind.count - 1

    def _kind_of(self, error: str) -> ErrorKind | None:
        wanted = without_numbers(error)
        return next((kind for kind in self.errors if without_numbers(kind.error) == wanted), None)


def without_numbers(error: str) -> str:
    """What makes two failures the same kind."""
    return _NUMBERS.sub("#", error)


def outcome_of(
    letters: Iterable[int], stored: Iterable[int], failed: Mapping[int, tuple[str, str]]
) -> ReplayResult:
    """What became of these dead letters. `failed`: by id, the error and the topic."""
    result = ReplayResult()
    good = frozenset(stored)
    for letter in letters:
        if letter in failed:
            result.add_failure(*failed[letter])
        elif letter in good:
            result.stored += 1
        else:
            result.dropped += 1
    return result


def pattern_of(topic_filter: str) -> str:
    """A regular expression of PostgreSQL for what an MQTT filter matches (MQTT 5, 4.7): a wildcard at
    the beginning does not reach topics that begin with `$`. Raises ValueError.
    """
    validate_filter(topic_filter)
    levels = topic_filter.split("/")
    is_open = levels[-1] == "#"
    if is_open:
        levels.pop()
    body = "/".join(map(_level_pattern, levels))
    if topic_filter[0] in "+#":
        start = r"^(?!\$)"
    else:
        start = "^"
    if not is_open:
        return f"{start}{body}$"
    if not levels:
        return start
    return f"{start}{body}(/|$)"


def _level_pattern(level: str) -> str:
    if level == "+":
        return "[^/]*"
    return re.sub(r"([^\w\s])", r"\\\1", level, flags=re.ASCII)
