"""Which messages of a topic are kept as samples. Pure.

A sample a minute shows what a topic says; a message of another shape is kept sooner, since it is
what an operator has to see.
"""

import re
import zlib

import msgspec

EVERY = 60.0  # s between two samples of a topic
SHAPE_EVERY = 5.0  # s after which a message of another shape is kept
KEPT = 5  # samples of a topic, the newest
A_BATCH = 20  # samples that are written with one batch
A_SECOND = 50  # samples that a process writes; further topics get theirs later
MAX_BYTES = 16_384  # of a payload; a longer one is cut
LOOKED_AT = 4_096  # bytes of a payload that make its shape
_KEYS = re.compile(rb'"([^"\\]{1,64})"\s*:')


class Sampled(msgspec.Struct, frozen=True, gc=False):
    """The newest sample of a topic: when it came, in unix seconds, and its shape."""

    at: float
    shape: int


class SampleAllowance:
    """What a process may still sample in this second."""

    def __init__(self) -> None:
        self._second = 0
        self._written = 0
        self._looked = False

    def begin(self, now: float) -> None:
        """Before a batch, at unix second `now`."""
        if int(now) != self._second:
            self._second = int(now)
            self._written = 0
            self._looked = False

    @property
    def samples(self) -> int:
        """That this batch may write."""
        return min(A_BATCH, A_SECOND - self._written)

    def may_look(self) -> bool:
        """At the shapes of messages: once a second."""
        first = not self._looked
        self._looked = True
        return first

    def spend(self, number: int) -> None:
        self._written += number


def is_due(known: Sampled | None, now: float) -> bool:
    """Whatever the message looks like."""
    return known is None or now - known.at >= EVERY or now < known.at


def is_new_shape(known: Sampled, shape: int, now: float) -> bool:
    return shape != known.shape and now - known.at >= SHAPE_EVERY


def shape_of(payload: bytes) -> int:
    """The same number for messages with the same keys in the same order; of what has no keys, the
    kind of its first character. It fits into a signed 32-bit integer, and is the same in every
    process.
    """
    head = payload[:LOOKED_AT]
    keys = _KEYS.findall(head)
    if keys:
        told = b"\n".join(keys)
    else:
        told = _kind(head)
    # `hash()` of bytes differs from process to process.
    return zlib.crc32(told) - 0x80000000


def _kind(head: bytes) -> bytes:
    first = head.lstrip()[:1]
    if first.isdigit() or first in {b"-", b"+", b"."}:
        return b"number"
    if first.isalpha():
        return b"word"
    return first
