"""Filters whose levels have names: `{site}/{device}/+`, and texts made of these names."""

import re
from collections.abc import Mapping

import msgspec

from mqtt_app.domain.topics import TopicError, validate_filter
from mqtt_app.parsers.mapping.errors import MappingError

_NAMED = re.compile(r"\{([a-z][a-z0-9_]{0,31})\}", re.ASCII)


class LevelPattern(msgspec.Struct, frozen=True):
    """`topic_filter` is the filter as MQTT knows it; `places` the level of each name, from 0."""

    topic_filter: str
    places: Mapping[str, int]

    def names_of(self, topic: str) -> dict[str, str]:
        """What the names stand for in a topic that the filter selects."""
        levels = topic.split("/")
        return {name: levels[place] for name, place in self.places.items()}


def level_pattern(text: str) -> LevelPattern:
    """Raises MappingError at `filter`."""
    places: dict[str, int] = {}
    levels: list[str] = []
    for place, level in enumerate(text.split("/")):
        found = _NAMED.fullmatch(level)
        if found is None:
            _refuse_braces(level)
            levels.append(level)
            continue
        if found[1] in places:
            raise MappingError("filter", f"Two levels are named {found[1]}. Rename one of them.")
        places[found[1]] = place
        levels.append("+")
    topic_filter = "/".join(levels)
    try:
        validate_filter(topic_filter)
    except TopicError as error:
        raise MappingError("filter", str(error)) from None
    return LevelPattern(topic_filter, places)


def check_text(text: str, pattern: LevelPattern, field: str) -> None:
    """Raises MappingError for a name that no level has."""
    for name in _NAMED.findall(text):
        if name not in pattern.places:
            raise MappingError(
                field, f"No level of the filter is named {name}. Write {{{name}}} in the filter."
            )


def filled(text: str, names: Mapping[str, str]) -> str:
    """The text with what its names stand for."""
    return _NAMED.sub(lambda found: names[found[1]], text)


def _refuse_braces(level: str) -> None:
    if "{" in level or "}" in level:
        raise MappingError(
            "filter",
            f"The level '{level[:40]}' is no name. Write a whole level such as {{device}}, of small"
            " letters, digits and _.",
        )
