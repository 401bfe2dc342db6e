"""Filters of one connection that select the same topics, and the copies of a message that a broker sends for them.

For a message that several filters select, an MQTT 5 broker sends one copy, or one for each filter; each copy names the
Subscription Identifiers of those it is for (MQTT 5 section 3.3.4). So filters that overlap get identifiers, and of the
copies of a message the one for the first of those filters is kept.

A copy must never be taken for one when it is the only one. Two things see to that: an identifier belongs to one set of
overlapping filters, so that messages which a broker queued under another set are kept, whatever they name; and filters
are subscribed in the order in which they are preferred, so that whoever gets a copy for a later one gets one for the
first, too.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import blake2b

import msgspec

from mqtt_app.domain.topics import matches

LARGEST = 268_435_455  # Subscription Identifier, MQTT 5 section 3.8.2.1.2
REMEMBERED = 2_000  # topics whose filters are kept in memory, per connection
WILDCARDS = frozenset("#+")


class Subscription(msgspec.Struct, frozen=True):
    """`identifier` is 0 for a filter that overlaps with no other one."""

    filter: str
    qos: int
    identifier: int = 0


def arrange(filters: Iterable[tuple[str, int]], *, identified: bool) -> tuple[Subscription, ...]:
    """(filter, QoS) in the order in which they are to be subscribed; the same for every owner of a connection.

    The higher QoS comes first, so that the copy which is kept is the better one. Not `identified`: the broker knows no
    identifiers.
    """
    order = sorted(filters, key=lambda one: (-one[1], one[0]))
    overlapping = overlaps([name for name, _ in order]) if identified else set()
    marked = [one for one in order if one[0] in overlapping]
    first = 1 + int.from_bytes(blake2b(repr(marked).encode(), digest_size=8).digest()) % (LARGEST - len(marked))
    numbers = {name: first + place for place, (name, _) in enumerate(marked)}
    return tuple(Subscription(name, qos, numbers.get(name, 0)) for name, qos in order)


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
    """What stands before the first wildcard. Only when one begins with the other can two filters overlap."""
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
    longer, shorter = max(one, other, key=len), min(one, other, key=len)
    return len(longer) == len(shorter) or longer[len(shorter)] == "#"  # which selects the parent level itself


def _is_system(left: str, right: str) -> bool:
    """A leading wildcard never selects `$SYS` and its like."""
    return (left in WILDCARDS and right.startswith("$")) or (right in WILDCARDS and left.startswith("$"))


class Copies:
    """Tells which deliveries are further copies of a message."""

    def __init__(self, arranged: Iterable[Subscription] = ()) -> None:
        self._filters = [one for one in arranged if one.identifier]
        self._places = {one.identifier: place for place, one in enumerate(self._filters)}
        self._by_topic: dict[str, tuple[int, ...]] = {}

    def is_one(self, topic: str, identifiers: Iterable[int], granted: Collection[str]) -> bool:
        """Whether another copy of this delivery is kept. `granted`: filters that the broker has accepted."""
        places = [self._places[number] for number in identifiers if number in self._places]
        if not places:
            return False
        kept = next((place for place in self._selecting(topic) if self._filters[place].filter in granted), None)
        return kept is not None and kept < min(places)

    def _selecting(self, topic: str) -> tuple[int, ...]:
        found = self._by_topic.get(topic)
        if found is None:
            if len(self._by_topic) >= REMEMBERED:
                self._by_topic.clear()
            found = tuple(place for place, one in enumerate(self._filters) if matches(one.filter, topic))
            self._by_topic[topic] = found
        return found
