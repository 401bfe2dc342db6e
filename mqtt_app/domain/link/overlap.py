"""Filters of one connection that select the same topics, and the copies of a message that a broker
sends for them.

For a message that several filters select, an MQTT 5 broker sends one copy, or one for each filter;
each copy names the Subscription Identifiers of those it is for (MQTT 5 section 3.3.4). So filters
that overlap get identifiers, and a message that has come for one filter and comes for another one
is a copy.

Only what has come counts: a broker may well leave copies out. (mosquitto 2.0 sends one of them,
with one identifier, to a client that was away while it was restarted.) Equal messages that are
published twice come twice for one filter.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import TypeVar

import msgspec

LARGEST = 268_435_455  # Subscription Identifier, MQTT 5 section 3.8.2.1.2
MOST_IDENTIFIERS = 1_000  # of former filters that are remembered, beside the present ones
# messages of a connection, at about 300 bytes, of which copies are known; twice as many at most
REMEMBERED = 1_000
COPIES_WITHIN = 30.0  # s between two copies at least; they come one behind the other
WILDCARDS = frozenset("#+")
FILTER_BYTES = 3  # of a filter in a SUBSCRIBE beside its name: length 2, options 1


Item = TypeVar("Item")
Counts = dict[int, dict[str, int]]
"""Hash of a message -> filter -> deliveries."""


class Subscription(msgspec.Struct, frozen=True):
    """`identifier` is 0 for a filter that overlaps with no other one."""

    filter: str
    qos: int
    identifier: int = 0


def arrange(filters: Iterable[tuple[str, int]], *, identified: bool) -> tuple[Subscription, ...]:
    """What to subscribe for these (filter, QoS); the same for every owner of a connection, and in
    the same order.

    Not `identified`: the broker knows no identifiers. Where one of several filters that overlap has
    QoS 1 all have: a copy at QoS 0 that comes first is in our memory only when that of QoS 1 is
    passed over.
    """
    order = sorted(filters)
    if identified:
        overlapping = overlaps([name for name, _ in order])
    else:
        overlapping = set()
    marked = [wish for wish in order if wish[0] in overlapping]
    best = max((qos for _, qos in marked), default=0)
    # An identifier belongs to one set of filters: it says which copies were queued under another
    # one.
    first = 1 + int.from_bytes(blake2b(repr(marked).encode(), digest_size=8).digest()) % (
        LARGEST - len(marked)
    )
    numbers = {name: first + place for place, (name, _) in enumerate(marked)}
    return tuple(
        Subscription(name, best, numbers[name]) if name in numbers else Subscription(name, qos)
        for name, qos in order
    )


def in_packets(
    wanted: Sequence[Subscription], most: int, most_bytes: int = 0
) -> Iterator[Sequence[Subscription]]:
    """A SUBSCRIBE each: one with an identifier goes by itself, because an identifier belongs to a
    whole packet. `most_bytes` of their filters together, 0 for no limit.
    """
    yield from ((wish,) for wish in wanted if wish.identifier)
    part: list[Subscription] = []
    size = 0
    for wish in wanted:
        if wish.identifier:
            continue
        length = len(wish.filter.encode()) + FILTER_BYTES
        if part and (len(part) >= most or 0 < most_bytes < size + length):
            yield part
            part = []
            size = 0
        part.append(wish)
        size += length
    if part:
        yield part


def pieces(whole: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    return (whole[start : start + most] for start in range(0, len(whole), most))


def overlaps(filters: Sequence[str]) -> set[str]:
    """Those of these filters that select a topic which another one selects, too."""
    levels = {name: name.split("/") for name in filters}
    by_stem: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, parts in levels.items():
        by_stem[_stem(parts)].append(name)
    found: set[str] = set()
    for name, parts in levels.items():
        for other in _candidates(_stem(parts), by_stem):
            if other != name and _share_a_topic(parts, levels[other]):
                found |= {name, other}
    return found


def _stem(levels: Sequence[str]) -> tuple[str, ...]:
    """What stands before the first wildcard. Only when one begins with the other can two filters
    overlap.
    """
    end = next((place for place, level in enumerate(levels) if level in WILDCARDS), len(levels))
    return tuple(levels[:end])


def _candidates(stem: tuple[str, ...], by_stem: dict[tuple[str, ...], list[str]]) -> Iterator[str]:
    for length in range(len(stem) + 1):
        yield from by_stem.get(stem[:length], ())


def _share_a_topic(one: Sequence[str], other: Sequence[str]) -> bool:
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if not place and _is_system(left, right):
            return False
        if "#" in (left, right):
            return True
        if left != right and "+" not in (left, right):
            return False
    longer = max(one, other, key=len)
    shorter = min(one, other, key=len)
    return (
        len(longer) == len(shorter) or longer[len(shorter)] == "#"
    )  # which selects the parent level itself


def _is_system(left: str, right: str) -> bool:
    """A leading wildcard never selects `$SYS` and its like."""
    return (left in WILDCARDS and right.startswith("$")) or (
        right in WILDCARDS and left.startswith("$")
    )


class Copies:
    """Finds which deliveries of one link are further copies of a message. Times are the caller's
    clock, in seconds.
    """

    def __init__(self, arranged: Iterable[Subscription] = ()) -> None:
        self._filters: dict[int, str] = {}
        self.change(arranged)
        self._young: Counts = {}
        self._old: Counts = {}
        self._since = 0.0

    def change(self, arranged: Iterable[Subscription]) -> None:
        """To other subscriptions. Copies for those before may still come."""
        if len(self._filters) > MOST_IDENTIFIERS:
            self._filters.clear()
        self._filters |= {wish.identifier: wish.filter for wish in arranged if wish.identifier}

    def is_one(self, topic: str, payload: bytes, identifiers: Iterable[int], now: float) -> bool:
        """Of a delivery for these subscriptions, called in the order in which they come.

        A message is new when it brings one of its filters to more deliveries of such a message than
        any filter had. What was queued under identifiers that are not known (an earlier owner's, of
        other filters) is never a copy.
        """
        filters = [self._filters[number] for number in identifiers if number in self._filters]
        if not filters:
            return False
        counts = self._counts(hash((topic, payload)), now)
        most = max(counts.values(), default=0)
        for name in filters:
            counts[name] = counts.get(name, 0) + 1
        return max(counts[name] for name in filters) <= most

    def _counts(self, key: int, now: float) -> dict[str, int]:
        if len(self._young) >= REMEMBERED or now - self._since > COPIES_WITHIN:
            self._old = self._young
            self._young = {}
            self._since = now
        counts = self._young.get(key)
        if counts is None:
            counts = self._young[key] = self._old.pop(key, {})
        return counts
