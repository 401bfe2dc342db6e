"""Values of the audit trail: who acts, and how a change is written down without its secrets."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

SECRET_FIELDS = frozenset({"password", "tls_client_key", "digest", "token_key", "token"})
CHANGED = "changed"


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


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """{field: [old, new]} of the fields that differ; of a secret only that it changed."""
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return {name: _shown(name, before.get(name), after.get(name)) for name in sorted(changed)}


def _shown(name: str, old: Any, new: Any) -> Any:
    return CHANGED if name in SECRET_FIELDS else [old, new]
