"""Topic names and topic filters by the rules of MQTT 5, chapter 4.7, told so that a person can mend
them.
"""

from mqtt_app.domain.characters import code_point, forbidden

MAX_BYTES = 65_535  # MQTT 5, 1.5.4: the length of a string is two bytes
SHARE = "$share/"

# Why a message's topic is not taken; reasons of drops.
TOPIC_CHARACTERS, TOPIC_LEVELS, TOPIC_SIZE = "topic_characters", "topic_levels", "topic_size"


class TopicError(ValueError):
    """A filter or name that no broker accepts. `str(error)` says what is wrong and how to mend it."""


def validate_filter(text: str) -> None:
    """Raises TopicError. `$share/<group>/<filter>` is refused: the other members of the group would
    take messages.
    """
    _check_text(text, "topic filter")
    if text == "$share" or text.startswith(SHARE):
        raise TopicError(
            "Shared subscriptions ($share/...) would lose messages here. Enter the filter behind the group."
        )
    levels = text.split("/")
    for place, level in enumerate(levels, start=1):
        _check_level(level, is_last=place == len(levels))


def validate_topic(text: str) -> None:
    """Raises TopicError when a message cannot have been published under this name."""
    _check_text(text, "topic name")
    if "#" in text or "+" in text:
        raise TopicError("A topic name has no wildcards. Remove the '#' or '+'.")


def unfit(topic: str, *, max_levels: int, max_bytes: int) -> tuple[str, str]:
    """Why the topic of a message gets no row: the reason of its drop, and the same in words. Empty
    when it is fit.
    """
    if wrong := forbidden(topic):
        return TOPIC_CHARACTERS, f"its topic contains the character {code_point(wrong)}"
    levels = topic.count("/") + 1
    if levels > max_levels:
        return TOPIC_LEVELS, f"its topic has {levels:,} levels; the limit is {max_levels:,}"
    if topic.isascii():
        size = len(topic)
    else:
        size = len(topic.encode())
    if size > max_bytes:
        return TOPIC_SIZE, f"its topic is {size:,} bytes long; the limit is {max_bytes:,}"
    return "", ""


def matches(topic_filter: str, topic: str) -> bool:
    """Does a valid filter select a valid topic name? A leading wildcard never selects `$SYS` and
    its like.
    """
    wanted = topic_filter.split("/")
    levels = topic.split("/", len(wanted))  # no further than needed: a topic may have 30,000 levels
    if topic.startswith("$") and wanted[0] in {"#", "+"}:
        return False
    if wanted[-1] == "#":  # also selects the parent level itself
        wanted.pop()
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(map(_level_matches, wanted, levels))


def _level_matches(wanted: str, level: str) -> bool:
    return wanted in {"+", level}


def _check_text(text: str, what: str) -> None:
    if not text:
        raise TopicError(f"The {what} is empty. Enter at least one level, such as 'sensors/#'.")
    if wrong := forbidden(text):
        raise TopicError(
            f"The {what} contains the character {code_point(wrong)}, which cannot be used. Remove it."
        )
    size = len(text.encode())
    if size > MAX_BYTES:
        raise TopicError(f"The {what} is {size} bytes long. MQTT allows {MAX_BYTES}; shorten it.")


def _check_level(level: str, *, is_last: bool) -> None:
    if "#" in level and level != "#":
        raise TopicError(
            f"'#' must stand alone between slashes, but stands in '{level[:40]}'. Write '/#' at the end."
        )
    if "+" in level and level != "+":
        raise TopicError(
            f"'+' must stand alone between slashes, but stands in '{level[:40]}'. Write '/+/'."
        )
    if level == "#" and not is_last:
        raise TopicError(
            "'#' must be the last level. Use '+' for one level, or end the filter at the '#'."
        )
