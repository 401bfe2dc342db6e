"""The one grammar of values that are written as text: whole payloads, and strings inside JSON, CSV
and other formats.

A text is a number only if a person would read it as one: digits 0 to 9 with at most 15 before the
point, no leading zeros, an exponent only after a decimal point (`1685E6` names something), nothing
behind it but a unit of the closed list. So `007`, `1_000`, `0x1F`, `10k`, `٣` and `260E1234` are
text. A decimal comma is read where it cannot be a thousands separator: `21,5`, not `1,234`.

Words become booleans only from a closed list, and only under a name that stands for a state:
`{"POWER": "ON"}` is one, `{"country": "NO"}` and `{"mode": "off"}` are not.
"""

import math
import re
from functools import lru_cache

import msgspec

from mqtt_app.domain.unit_spellings import is_unit
from mqtt_app.domain.word_lists import words

MAX_TEXT = 4_096  # characters of one value
LONGEST_GLUED = 11  # characters of a number with its unit glued to it; a longer one names something

_NUMBER = re.compile(
    r"(?P<number>(?:-|\+(?=[0-9]{0,6}(?:\D|\Z)))?"
    r"(?:(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,30}(?:[eE][+-]?[0-9]{1,3})?)?|\.[0-9]{1,15})"
    r"|-?(?:(?:[1-9][0-9]{0,14}|0),(?:[0-9]{1,2}|[0-9]{4,9})|0,[0-9]{3}))"
    r"(?P<space>[ \u00a0]?)"
    r"(?P<unit>[A-Za-z°º℃℉%‰µμΩΩ€][A-Za-z0-9²³/%°()µμ ]{0,11})?",
    re.ASCII,
)
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)(?:\([a-z]*\))?|[+-]?1\.#\w+", re.I | re.ASCII)
_NOTHING = frozenset(("null", "NULL", "None", "undefined", "-", "--", "---", "n/a", "N/A", "#N/A"))
_DIGITS = re.compile(r"\d+\Z", re.ASCII)
_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", re.ASCII)

# Units of one letter that are digits of hexadecimal numbers, or a colloquial thousand: glued to a
# whole number they are read as units only under a name of that quantity.
_DOUBTFUL_UNITS = {
    "A": ("curr", "amp", "load"),
    "C": ("temp", "dew", "heat"),
    "F": ("temp", "dew", "heat"),
    "K": ("temp",),
    "B": ("size", "mem", "heap"),
    "d": ("time", "age", "days"),
}

SWITCH_WORDS = {"on": True, "off": False}
TRUTH_WORDS = {"true": True, "false": False}
ANSWER_WORDS = {
    "yes": True,
    "no": False,
    "open": True,
    "opened": True,
    "closed": False,
}
_OPENING_WORDS = frozenset(("open", "opened", "closed"))
_MOVED = re.compile(
    r"(?:^|[^a-z])(?:cover|covers|shutter|shutters|blind|blinds|curtain|curtains|awning|awnings"
    r"|roller|rollershutter|jalousie|rollladen|garage_?door|gate_?motor)(?:$|[^a-z])",
    re.ASCII,
)


_STATES = frozenset(
    words(
        "state status value val power relay switch output out input in light lamp plug socket"
        " outlet pump fan valve heater heat motor door window gate lid contact garage hatch cover"
        " shutter blind lock motion occupancy occupied presence alarm alert smoke leak water"
        " tamper vibration enable enabled active led button on open online available connected"
        " running charging wet dry rain ok fault error ready present moving home away day night"
        " armed locked flag"
    )
)
_NO_STATES = frozenset(
    words(
        "mode code country cc iso nationality origin province region county lang language locale"
        " currency symbol unit units type kind class model name title label description text"
        " message msg comment note prefix suffix city place location room address zone grade"
        " gender dir direction format id key tag gas norm answer scene preset effect program"
        " action command event reason cause method week weekday month"
    )
)
_IDENTIFIERS = frozenset(
    words(
        "id uid uuid guid eui deveui joineui appeui mac bssid ssid imei imsi iccid serial sn"
        " serialnumber addr address devaddr ip version firmware fw sw hw software hardware build"
        " release phone msisdn barcode ean isbn zip postcode plate token hash checksum crc commit"
        " name hostname host vin hex rfid"
    )
)


class Quantity(msgspec.Struct, frozen=True, gc=False):
    """A value, and the unit that was written behind it ("" for none)."""

    value: float | bool | str
    unit: str = ""


class UnstorableError(ValueError):
    """`str(error)` is the reason as a phrase, for `FieldProblem`."""


def text_value(text: str, name: str = "", place: str = "") -> Quantity | None:
    """What the text says; None when it says nothing (empty, `null`, `-`).

    `name` is the key or topic level under which it stands: it decides whether a word is a state,
    and whether digits are an identifier. `place`: the names above it; what moves, such as a cover,
    is also `opening` and `stopped`, so that its `open` stays text. Raises UnstorableError for NaN,
    infinity, a number out of range, a text of more than 4,096 characters, and one with a NUL or
    half a surrogate pair.
    """
    stripped = text.strip()
    if not stripped or stripped in _NOTHING:
        return None
    if (quantity := number(stripped, name)) is not None:
        return quantity
    if stripped.isalpha() and (state := state_word(stripped, name)) is not None:
        is_moved = stripped.lower() in _OPENING_WORDS and is_of_moved(name, place)
        return Quantity(text if is_moved else state)
    if _NOT_FINITE.fullmatch(stripped) and not names_identifier(name):
        raise UnstorableError(f"{stripped} is no finite number")
    check_text(text)
    return Quantity(text)


def number(text: str, name: str = "") -> Quantity | None:
    """The number that the stripped text is, with its unit; None when it is no number."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    unit = found["unit"] or ""
    digits = found["number"]
    if names_identifier(name) or (unit and not _is_unit_of(unit, found["space"], digits, name)):
        return None
    value = float(digits.replace(",", "."))
    if not math.isfinite(value):
        raise UnstorableError(f"{digits} is out of range")
    return Quantity(value, unit)


def state_word(text: str, name: str = "") -> bool | None:
    """The boolean that the word is under this name; None when it is no word of the list there."""
    word = text.lower()
    if names_identifier(name):
        return None
    if word in TRUTH_WORDS:
        return TRUTH_WORDS[word]
    if word in SWITCH_WORDS and not _is_among(name, _NO_STATES):
        return SWITCH_WORDS[word]
    if word in ANSWER_WORDS and names_state(name):
        return ANSWER_WORDS[word]
    return None


@lru_cache(maxsize=16_384)
def is_of_moved(name: str, place: str) -> bool:
    """Whether the names are those of a cover, a shutter or the like."""
    return _MOVED.search(f"{place}/{name}".lower()) is not None


@lru_cache(maxsize=16_384)
def names_state(name: str) -> bool:
    """Whether a value under this name has two sides: `door`, `is_raining`, `relay_2`."""
    parts = name_words(name)
    if not parts or _is_among(name, _NO_STATES):
        return False
    return (
        not _STATES.isdisjoint(parts)
        or parts[0] in ("is", "has")
        or (len(parts[-1]) > 5 and parts[-1].endswith(("ing", "ed")))
    )


@lru_cache(maxsize=16_384)
def names_identifier(name: str) -> bool:
    """Whether text under this name names something, whatever its digits look like: `dev_addr`."""
    parts = name_words(name)
    return bool(parts) and (parts[-1] in _IDENTIFIERS or "".join(parts) in _IDENTIFIERS)


def name_words(name: str) -> list[str]:
    """The words of a key in lower case, without numbers at their ends: `isOpen_2` -> is, open."""
    parts = (_DIGITS.sub("", part).lower() for part in _WORD_BOUNDARY.split(name))
    return [part for part in parts if part]


def check_text(text: str) -> None:
    """Raises UnstorableError for what no column holds."""
    if len(text) > MAX_TEXT:
        raise UnstorableError(
            f"the text is {len(text):,} characters long; the limit is {MAX_TEXT:,}"
        )
    if "\x00" in text:
        raise UnstorableError("the text contains a NUL character")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise UnstorableError("the text contains half of a surrogate pair")


@lru_cache(maxsize=16_384)
def _is_among(name: str, listed: frozenset[str]) -> bool:
    return not listed.isdisjoint(name_words(name)[-1:])


def _is_unit_of(unit: str, space: str, digits: str, name: str) -> bool:
    if not is_unit(unit) or (not space and len(digits) > LONGEST_GLUED):
        return False
    if unit not in _DOUBTFUL_UNITS or space or not digits.lstrip("+-").isdigit():
        return True
    return any(hint in name.lower() for hint in _DOUBTFUL_UNITS[unit])
