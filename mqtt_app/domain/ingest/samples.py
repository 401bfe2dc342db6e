"""Payloads and words of strangers, made fit for a log row: bounded, valid text, and honest about
what was cut.
"""

import json
from typing import Any


def storable(text: str) -> str:
    """Text that PostgreSQL takes: NUL becomes its symbol, half surrogate pairs a question mark."""
    return text.replace("\x00", "\u2400").encode("utf-8", "replace").decode()


def escaped(text: str, limit: int) -> str:
    """ASCII only, with every other character as its escape sequence; cut to `limit` characters, and
    saying so.
    """
    shown = text[:limit].encode("ascii", "backslashreplace").decode()
    shown = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in shown)
    if len(shown) <= limit and len(text) <= limit:
        return shown
    return f"{shown[:limit]}... (cut)"


def sample(payload: Any, limit: int) -> Any:
    """A JSON value that shows `payload` in at most `limit` characters; None stays None.

    Short JSON-like values stay as they are. Anything longer becomes text that ends in a note of
    what is missing.
    """
    if payload is None:
        return None
    if isinstance(payload, bytes | bytearray | memoryview):
        return _cut_bytes(bytes(payload), limit)
    if isinstance(payload, str):
        return _cut(storable(payload), limit)
    text = storable(json.dumps(payload, default=str, ensure_ascii=False))
    if len(text) <= limit and "\\u0000" not in text:
        return json.loads(text)
    return _cut(text, limit)


def _cut_bytes(payload: bytes, limit: int) -> str:
    head = storable(payload[:limit].decode("utf-8", "backslashreplace"))
    if len(payload) <= limit and len(head) <= limit:
        return head
    return f"{head[:limit]}… (cut: {len(payload):,} bytes in all)"


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… (cut: {len(text):,} characters in all)"
