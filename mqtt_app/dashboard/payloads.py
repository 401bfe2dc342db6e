"""A payload for people: as text, as JSON, as bytes, and what differs from the one before it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mqtt_app.models import TopicSample

MOST_BYTES = 1_024  # of the bytes that are shown in hex
A_LINE = 16  # bytes
MOST_LINES = 400  # of text that is shown


@dataclass(frozen=True, slots=True)
class HexByte:
    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class HexLine:
    """`offset` in hex; `characters`: the bytes as ASCII, a dot for what is none. `gap`: what a short
    line lacks.
    """

    offset: str
    bytes: list[HexByte]
    gap: str
    characters: str


@dataclass(frozen=True, slots=True)
class TextLine:
    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class ShownPayload:
    """`json` empty: it is none; `text` empty: it is no UTF-8. `lines_left` and `bytes_left`: what
    is not shown.
    """

    topic: str
    received_at: datetime
    size: int
    qos: int
    retain: bool
    is_cut: bool
    json: list[TextLine]
    text: list[TextLine]
    hex: list[HexLine]
    lines_left: int
    bytes_left: int


def shown_samples(samples: Sequence[TopicSample]) -> list[ShownPayload]:
    """Newest first, each compared with the next, which is the one before it."""
    earlier = [*samples[1:], None]
    return [_shown(sample, before) for sample, before in zip(samples, earlier, strict=False)]


def _shown(sample: TopicSample, before: TopicSample | None) -> ShownPayload:
    payload = bytes(sample.payload)
    old: bytes | None = None
    if before is not None:
        old = bytes(before.payload)
    text = _text_lines(payload)
    as_json = _json_lines(payload)
    return ShownPayload(
        topic=sample.name,
        received_at=sample.received_at,
        size=sample.size,
        qos=sample.qos,
        retain=sample.retain,
        is_cut=sample.is_cut,
        json=_marked(as_json, _json_lines(old)),
        text=_marked(text, _text_lines(old)),
        hex=_hex_lines(payload[:MOST_BYTES], old),
        lines_left=max(0, max(len(text), len(as_json)) - MOST_LINES),
        bytes_left=max(0, len(payload) - MOST_BYTES),
    )


def _json_lines(payload: bytes | None) -> list[str]:
    """None of what is no JSON object or list."""
    if payload is None or payload.lstrip()[:1] not in {b"{", b"["}:
        return []
    try:
        tree = json.loads(payload)
    except (ValueError, RecursionError):
        return []
    return json.dumps(tree, indent=2, ensure_ascii=False).splitlines()


def _text_lines(payload: bytes | None) -> list[str]:
    if payload is None:
        return []
    try:
        return payload.decode().splitlines()
    except UnicodeDecodeError:
        return []


def _marked(lines: Sequence[str], before: Sequence[str]) -> list[TextLine]:
    """A line differs that the payload before did not have; nothing does in the first one."""
    known = frozenset(before)
    return [TextLine(line, bool(known) and line not in known) for line in lines[:MOST_LINES]]


def _hex_lines(payload: bytes, before: bytes | None) -> list[HexLine]:
    return [_hex_line(payload, start, before) for start in range(0, len(payload), A_LINE)]


def _hex_line(payload: bytes, start: int, before: bytes | None) -> HexLine:
    part = payload[start : start + A_LINE]
    shown = [
        HexByte(f"{byte:02x}", before is not None and before[place : place + 1] != bytes((byte,)))
        for place, byte in enumerate(part, start)
    ]
    characters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
    gap = "   " * (A_LINE - len(part))
    return HexLine(f"{start:04x}", shown, gap, characters)
