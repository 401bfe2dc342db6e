"""The Reason String and the User Properties of a broker: text of anybody, made short and plain.

MQTT 5 sections 3.2.2.3.9 (CONNACK), 3.14.2.2.3 (DISCONNECT) and 3.9.2.1 (SUBACK).
"""

from collections.abc import Sequence

import msgspec

LONGEST_REASON = 200  # characters of a Reason String that are kept
LONGEST_PROPERTY = 80  # characters of a User Property that are kept, of its name and its value each
MOST_PROPERTIES = 4  # User Properties of a packet that are kept


class BrokerWords(msgspec.Struct, frozen=True, omit_defaults=True):
    """`properties` are written as `name: value`. All of it is plain printable text."""

    reason: str = ""
    properties: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.reason or self.properties)


NO_WORDS = BrokerWords()


def broker_words(reason: str, properties: Sequence[Sequence[str]]) -> BrokerWords:
    """`properties`: pairs of name and value."""
    pairs = [
        f"{plain(name, LONGEST_PROPERTY)}: {plain(value, LONGEST_PROPERTY)}"
        for name, value in properties[:MOST_PROPERTIES]
    ]
    return BrokerWords(plain(reason, LONGEST_REASON), tuple(pairs))


def plain(text: str, longest: int) -> str:
    """At most `longest` characters on one line: without control characters, and without those that
    turn the direction of writing.
    """
    part = text[: 2 * longest]  # text of 64 KB costs no more than this
    printable = "".join(char if char.isprintable() else " " for char in part)
    line = " ".join(printable.split())
    if len(line) > longest or len(text) > len(part):
        return line[: longest - 1].rstrip() + "\u2026"
    return line


def quoted(words: BrokerWords) -> str:
    """A sentence to append to one of ours, with the space before it; "" without words."""
    if words.reason:
        parts = [f'"{words.reason}"']
    else:
        parts = []
    parts += [f"[{entry}]" for entry in words.properties]
    if parts:
        return f" The broker says: {' '.join(parts)}."
    return ""
