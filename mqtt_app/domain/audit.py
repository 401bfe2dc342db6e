"""Values of the audit trail: who acts, and how a change is written down without its secrets. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import Any

import msgspec

SECRET_FIELDS = frozenset({"password", "tls_client_key", "digest", "token_key", "token"})
CHANGED = "changed"  # stands for both values of a secret
MAX_TEXT = 500  # characters of a value; a certificate is recognised by its beginning
MAX_IDS = 100  # of the objects of one decision; more are only counted


class Source(StrEnum):
    API = "api"
    ADMIN = "admin"
    PAGE = "page"
    COMMAND = "command"  # manage.py, a shell, a script
    SYSTEM = "system"  # a task or a worker, by itself


class Actor(msgspec.Struct, frozen=True):
    """In whose name a change is made. `address` is the client's IP address, as text."""

    source: Source
    user_id: int | None = None
    user_name: str = ""
    token_name: str = ""
    address: str | None = None


Who = Actor | Callable[[], Actor]
"""An actor, or how to find out: who sends a request is known only once its credentials were looked
at.
"""


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """{field: [old, new]} of the fields that differ, as JSON can hold it; of a secret only that it
    changed.
    """
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return {name: _pair(name, before.get(name), after.get(name)) for name in sorted(changed)}


def is_secret(field: str) -> bool:
    """Also of a lookup: `connection__password`, `digest__startswith`."""
    return not SECRET_FIELDS.isdisjoint(field.split("__"))


def several(ids: Iterable[Any]) -> str:
    """The ids of many objects in one bounded text: "1, 2, 3 and 9,997 more"."""
    every = [str(item) for item in ids]
    more = len(every) - MAX_IDS
    shown = ", ".join(every[:MAX_IDS])
    if more > 0:
        return f"{shown} and {more:,} more"
    return shown


def in_words(name: str, change: Any) -> str:
    """One entry of `changes` for people: "broker_port: 1883 -> 8883", "password: changed"."""
    if isinstance(change, list) and len(change) == 2:
        old, new = (_word(value) for value in change)
        return f"{name}: {old} → {new}"
    return f"{name}: {_word(change)}"


def as_json(value: Any) -> Any:
    """A field's value as JSON can hold it, texts bounded."""
    if isinstance(value, Enum):
        return as_json(value.value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [as_json(item) for item in value]
    return _cut(str(value))


def _pair(name: str, old: Any, new: Any) -> Any:
    if is_secret(name):
        return CHANGED
    return [as_json(old), as_json(new)]


def _cut(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]}… ({len(text):,} characters)"


def _word(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        if value:
            return "yes"
        return "no"
    return str(value)
