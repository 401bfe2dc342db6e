"""Availability on a topic that a family keeps for it, in each of the forms that a Will takes.

A word in any case, plain or in quotes; JSON's true and false, 1 and 0; or one of these under
`state`, `status`, `value` and the like of an object: `{"state": "offline"}`, `{"LWT": "Offline"}`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mqtt_app.domain.facts import Liveness, ParseError
from mqtt_app.parsers.fields import payload_text
from mqtt_app.parsers.generic.availability import liveness
from mqtt_app.parsers.generic.key_roles import squeezed
from mqtt_app.parsers.json_tree import decode, invalid

Words = Mapping[str, Liveness]
"""What a family's own words say, in small letters."""

NO_WORDS: Words = {}
KEYS = (
    "state",
    "status",
    "availability",
    "available",
    "online",
    "connected",
    "connection",
    "lwt",
    "reachable",
    "server",
    "val",
    "value",
)
"""Squeezed, in the order in which they are believed."""

NOTHING = frozenset(("", "null", "none"))
MAX_NESTING = 3  # `{"state": {"value": "online"}}`
MAX_KEYS = 100  # of an object; no Will has more


def words_of(payload: bytes | str) -> list[str]:
    """The words that may tell of availability, in small letters, the likeliest first; none in a
    payload that says nothing. Raises ParseError for broken JSON.
    """
    if isinstance(payload, bytes):
        text = payload_text(payload)
    else:
        text = payload.strip()
    is_json = text[:1] == "{" or (len(text) > 1 and text[0] == text[-1] == '"')
    if is_json:
        content = decode(text.encode("utf-8", "replace"))
    else:
        content = text.strip('"')
    return list(_words(content, MAX_NESTING))


def state_of(word: str, own: Words = NO_WORDS) -> Liveness | None:
    """A family's own words come first; None for what is no word of availability."""
    found = own.get(word)
    if found is None:
        return liveness(word, false_is_death=True)
    return found


def said_liveness(payload: bytes | str, own: Words = NO_WORDS) -> Liveness | None:
    """None for what says nothing, and for what is no word of availability."""
    try:
        return _first(words_of(payload), own)
    except ParseError:
        return None


def liveness_in(content: Any, own: Words = NO_WORDS) -> Liveness | None:
    """The same of decoded JSON."""
    return _first(_words(content, MAX_NESTING), own)


def checked_liveness(payload: bytes | str, own: Words = NO_WORDS) -> Liveness | None:
    """None for what says nothing. Raises ParseError for what is no word of availability."""
    words = words_of(payload)
    found = _first(words, own)
    if words and found is None:
        raise invalid(f"{words[0][:60]!r} is no word of availability; expected online or offline")
    return found


def _first(words: Iterable[str], own: Words) -> Liveness | None:
    states = (state_of(word, own) for word in words)
    return next((state for state in states if state is not None), None)


def _words(content: Any, depth: int) -> Iterator[str]:
    if isinstance(content, dict):
        for value in _values(content) if depth > 0 else ():
            yield from _words(value, depth - 1)
    elif isinstance(content, bool | int):
        yield str(content).lower()
    elif isinstance(content, str) and content.strip().lower() not in NOTHING:
        yield content.strip().lower()


def _values(content: dict[str, Any]) -> Iterator[Any]:
    if len(content) > MAX_KEYS:
        return
    by_key = {squeezed(key): value for key, value in content.items()}
    yield from (by_key[key] for key in KEYS if key in by_key)
