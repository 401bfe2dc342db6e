"""What the parsers of plain text in lines and columns have in common."""

from mqtt_app.domain.facts import Remark
from mqtt_app.parsers.encoding import PayloadText, is_written, text_of


def written_text(payload: bytes) -> str:
    """The text of the payload; "" when it is none that people or programs write."""
    found = text_of(payload)
    if _is_plain(found):
        return found.text
    return ""


def remarks_on(payload: bytes) -> list[Remark]:
    """How the text was read, if that was a guess."""
    if payload.isascii():
        remark = ""
    else:
        remark = text_of(payload).remark
    if remark:
        return [Remark(text=remark)]
    return []


def topic_above(topic: str, names: set[str]) -> str:
    """The topic without the last levels that the payload repeats; never empty."""
    levels = topic.strip("/").split("/")
    while len(levels) > 1 and levels[-1] in names:
        levels.pop()
    return "/".join(levels) or topic


def _is_plain(found: PayloadText) -> bool:
    return bool(found.text.strip()) and is_written(found)
