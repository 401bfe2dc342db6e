"""Characters that make a text look like another one: invisible, or turning the order of what
follows. Pure.
"""

import re

_RANGES = (
    "\x00-\x1f\x7f-\x9f"  # control characters
    "\u00ad\u061c\u180e"  # soft hyphen, Arabic letter mark, Mongolian vowel separator
    "\u200b-\u200f"  # zero width, marks of direction
    "\u2028-\u202e"  # line and paragraph separators, embeddings and overrides of direction
    "\u2060-\u206f"  # word joiner, isolates, deprecated format characters
    "\ufeff\ufff9-\ufffb"  # byte order mark, annotations
    "\U000e0000-\U000e007f"  # tags
)
_DECEPTIVE = re.compile(f"[{_RANGES}]")
_DECEPTIVE_IN_HTML = re.compile(f"(?![\t\n\r])[{_RANGES}]")


def deceptive_character(text: str) -> str:
    """The first such character as "U+202E", "" when there is none."""
    found = _DECEPTIVE.search(text)
    if found:
        return _code(found[0])
    return ""


def visible(html: str) -> str:
    """Every such character as the text of its code point; line breaks and tabs of a page stay."""
    return _DECEPTIVE_IN_HTML.sub(lambda found: f"⟨{_code(found[0])}⟩", html)


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"
