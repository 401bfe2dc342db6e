"""Topic names and topic filters by the rules of MQTT 5, chapter 4.7, told so that a person can mend them."""

MAX_BYTES = 65_535  # MQTT 5, 1.5.4: the length of a string is two bytes
SHARE = "$share/"


class TopicError(ValueError):
    """A filter or name that no broker accepts. `str(error)` says what is wrong and how to mend it."""


def validate_filter(text: str) -> None:
    """Raises TopicError. `$share/<group>/<filter>` is refused: the other members of the group would take messages."""
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


def matches(topic_filter: str, topic: str) -> bool:
    """Does a valid filter select a valid topic name? A leading wildcard never selects `$SYS` and its like."""
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
    wrong = next((char for char in text if _is_forbidden(ord(char))), None)
    if wrong is not None:
        raise TopicError(f"The {what} contains the character U+{ord(wrong):04X}, which cannot be used. Remove it.")
    size = len(text.encode())
    if size > MAX_BYTES:
        raise TopicError(f"The {what} is {size} bytes long. MQTT allows {MAX_BYTES}; shorten it.")


def _check_level(level: str, *, is_last: bool) -> None:
    if "#" in level and level != "#":
        raise TopicError(f"'#' must stand alone between slashes, but stands in '{level[:40]}'. Write '/#' at the end.")
    if "+" in level and level != "+":
        raise TopicError(f"'+' must stand alone between slashes, but stands in '{level[:40]}'. Write '/+/'.")
    if level == "#" and not is_last:
        raise TopicError("'#' must be the last level. Use '+' for one level, or end the filter at the '#'.")


def _is_forbidden(code: int) -> bool:
    """Control characters, surrogates and non-characters: brokers may close the link over them (MQTT 5, 1.5.4)."""
    is_control = code < 0x20 or 0x7F <= code <= 0x9F
    is_no_character = 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
    return is_control or is_no_character or 0xD800 <= code <= 0xDFFF
