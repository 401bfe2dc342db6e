"""Characters that no name of ours may hold: they cannot be stored, or cannot be seen by whoever
reads the name.
"""

import re

_CONTROLS = "\x00-\x1f\x7f-\x9f"
_SURROGATES = "\ud800-\udfff"
_NON_CHARACTERS = "\ufdd0-\ufdef" + "".join(
    f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17)
)
_FORBIDDEN = re.compile(f"[{_CONTROLS}{_SURROGATES}{_NON_CHARACTERS}]")


def forbidden(text: str) -> str:
    """The first control character, half of a surrogate pair or non-character (MQTT 5, 1.5.4); ""
    when there is none.
    """
    found = _FORBIDDEN.search(text)
    if found:
        return found.group()
    return ""


def code_point(character: str) -> str:
    """As people write it: U+0001."""
    return f"U+{ord(character):04X}"
