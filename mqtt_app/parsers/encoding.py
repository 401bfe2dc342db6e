"""Text of payloads that are not clean UTF-8: byte order marks, NUL bytes at the end, UTF-16, and
Windows-1252 as older PLCs and spreadsheets write it.
"""

import codecs

import msgspec

BOM = codecs.BOM_UTF8
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PUNCTUATION = frozenset("°µ²³€£§±·")  # beside letters, what sensors and people write


class PayloadText(msgspec.Struct, frozen=True, gc=False):
    """`remark`: how it was read if that was a guess, "" otherwise."""

    text: str
    remark: str = ""


def text_of(payload: bytes) -> PayloadText:
    """The payload as text, without byte order mark and without NUL bytes at its end.

    UTF-16 by its mark, UTF-8, otherwise Windows-1252 with U+FFFD for bytes that stand for nothing.
    """
    if payload.startswith(_UTF_16):
        text = payload.decode("utf-16", "replace")
        return PayloadText(text.rstrip("\x00"), "the payload is UTF-16, and was read as such")
    stripped = payload.rstrip(b"\x00").removeprefix(BOM)
    try:
        return PayloadText(stripped.decode())
    except UnicodeDecodeError:
        text = stripped.decode("cp1252", "replace")
        return PayloadText(text, "the payload is not UTF-8; it was read as Windows-1252")


def is_written(found: PayloadText) -> bool:
    """Whether the text is one that people or programs write, rather than bytes that happen to be
    printable: what was no UTF-8 has to be mostly ASCII, and else letters and signs of measurement.
    """
    text = found.text
    if not text.replace("\t", "").replace("\n", "").replace("\r", "").isprintable():
        return False
    if not found.remark:
        return True
    foreign = [char for char in text if not char.isascii()]
    return len(foreign) * 3 <= len(text) and all(
        char.isalpha() or char in _PUNCTUATION for char in foreign
    )
