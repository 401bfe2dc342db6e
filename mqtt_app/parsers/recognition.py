"""Which parser reads a topic, judged by several of its messages. Pure."""

from collections.abc import Collection, Sequence

import msgspec

from mqtt_app.parsers.registry import THRESHOLD, Registry, confidence

BY_TOPIC_ALONE = 0.8  # confidence that a topic gives without a message that says anything
_NOTHING = frozenset(
    (
        *(b"", b"null", b"none", b"nil", b"nan", b"-nan", b"inf", b"-inf", b"infinity"),
        *(b"unknown", b"unavailable", b"undefined", b"n/a", b"na", b"-", b"--", b"---"),
        *(b'""', b"{}", b"[]"),
    )
)
_LONGEST = max(map(len, _NOTHING)) + 2  # bytes, quotes included


class Recognition(msgspec.Struct, frozen=True):
    """`confidence` 0 to 1, the mean over the messages that were looked at."""

    parser_name: str
    confidence: float


def says_nothing(payload: bytes) -> bool:
    """Empty, or a word that stands for no value: it says nothing about a format."""
    if len(payload) > 64:
        return False
    bare = payload.strip(b" \t\r\n\x00")
    return len(bare) <= _LONGEST and bare.strip(b'"').lower() in _NOTHING


def recognise(
    parsers: Registry, topic: str, payloads: Sequence[bytes], forbidden: Collection[str] = ()
) -> Recognition | None:
    """The parser that is surest of most messages; the earlier one when two are equally sure.

    Messages that say nothing count only when there are no others, and then the topic alone has to
    be unmistakable.
    """
    telling = [payload for payload in payloads if not says_nothing(payload)]
    if telling:
        needed = THRESHOLD
    else:
        needed = BY_TOPIC_ALONE
    samples = telling or [b""]
    best: Recognition | None = None
    for parser in parsers.parsers:
        if parser.name in forbidden:
            continue
        found = [confidence(parser, topic, sample) for sample in samples]
        mean = sum(sure for sure in found if sure >= THRESHOLD) / len(samples)
        is_surer = best is None or mean > best.confidence
        if max(found) >= needed and is_surer:
            best = Recognition(parser.name, mean)
    return best


def rivals(
    parsers: Registry, topic: str, payload: bytes, reader: str, forbidden: Collection[str] = ()
) -> list[Recognition]:
    """Parsers that are surer of this message than `reader`, whose topic it is; the surest first."""
    own = parsers.get(reader)
    if own is None:
        least = THRESHOLD
    else:
        least = max(THRESHOLD, confidence(own, topic, payload))
    found = [
        Recognition(parser.name, confidence(parser, topic, payload))
        for parser in parsers.parsers
        if parser.name != reader and parser.name not in forbidden
    ]
    surer = [rival for rival in found if rival.confidence > least]
    return sorted(surer, key=_surest_first)


def _surest_first(found: Recognition) -> float:
    return -found.confidence
