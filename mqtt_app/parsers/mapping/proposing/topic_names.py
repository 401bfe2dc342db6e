"""Which level of the topic is the device: one that varies, and does not decide what is said."""

import re
from collections.abc import Sequence

import msgspec

_NAMES = re.compile(r"\{[a-z][a-z0-9_]*\}", re.ASCII)


class SampleShape(msgspec.Struct, frozen=True):
    """The topic of a sample, and the keys of its payload."""

    topic: str
    keys: frozenset[str]


class ProposedTopic(msgspec.Struct, frozen=True):
    """`filter` with named levels; `device` a text of their names behind the levels that stand
    before them, so that two families do not share a device; "" when no level varies.
    """

    filter: str
    device: str


def propose_topic(topic_filter: str, shapes: Sequence[SampleShape]) -> ProposedTopic:
    """A filter that has names already keeps them: then a level named `device` is the device."""
    if _NAMES.search(topic_filter):
        if "{device}" in topic_filter.split("/"):
            return ProposedTopic(topic_filter, "{device}")
        return ProposedTopic(topic_filter, "")
    levels = _unfolded(topic_filter, shapes)
    varying = [
        place
        for place, level in enumerate(levels)
        if level == "+" and _varies(place, shapes) and not _is_kind(place, shapes)
    ]
    names = _fixed_before(levels, varying)
    for place in varying:
        if place == varying[-1]:
            name = "{device}"
        else:
            name = f"{{level_{place + 1}}}"
        levels[place] = name
        names.append(name)
    return ProposedTopic("/".join(levels), "/".join(names))


def _unfolded(topic_filter: str, shapes: Sequence[SampleShape]) -> list[str]:
    """`#` as so many `+` as all samples have levels there; it stays when they differ."""
    levels = topic_filter.split("/")
    lengths = {shape.topic.count("/") + 1 for shape in shapes}
    if levels[-1] != "#" or len(lengths) != 1:
        return levels
    missing = lengths.pop() - len(levels) + 1
    if missing < 1:
        return levels
    return [*levels[:-1], *["+"] * missing]


def _fixed_before(levels: Sequence[str], varying: Sequence[int]) -> list[str]:
    return [level for level in levels[: min(varying, default=0)] if level not in {"", "+", "#"}]


def _varies(place: int, shapes: Sequence[SampleShape]) -> bool:
    return len({_level(shape, place) for shape in shapes}) > 1


def _is_kind(place: int, shapes: Sequence[SampleShape]) -> bool:
    """Whether each value of the level comes with keys of its own, as `.../status`, `.../energy`."""
    keys: dict[str, set[frozenset[str]]] = {}
    for shape in shapes:
        keys.setdefault(_level(shape, place), set()).add(shape.keys)
    first = [min(found, key=sorted) for found in keys.values()]
    return len(set(first)) == len(first)


def _level(shape: SampleShape, place: int) -> str:
    levels = shape.topic.split("/")
    if place < len(levels):
        return levels[place]
    return ""
