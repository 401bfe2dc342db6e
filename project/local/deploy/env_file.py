"""The text of a `.env` file: read, and changed without touching what else stands in it. Standard
library only.
"""

import re
from collections.abc import Mapping

_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=(?P<value>.*)")


def parse(text: str) -> dict[str, str]:
    """The last line of a name counts, as for docker compose."""
    return dict(filter(None, map(_assignment, text.splitlines())))


def changed(text: str, values: Mapping[str, str | None]) -> str:
    """`values` in the place of their old ones, new names at the end; None takes a name out. All
    else stays.
    """
    lines = []
    for line in text.splitlines():
        found = _assignment(line)
        if found is None or found[0] not in values:
            lines.append(line)
        elif (value := values[found[0]]) is not None:
            lines.append(f"{found[0]}={value}")
    present = parse(text)
    lines += [
        f"{name}={value}"
        for name, value in values.items()
        if value is not None and name not in present
    ]
    return "\n".join(lines) + "\n"


def _assignment(line: str) -> tuple[str, str] | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    value = found["value"].strip()
    quoted = len(value) > 1 and value[0] in "'\"" and value[-1] == value[0]
    return found["name"], value[1:-1] if quoted else value
