"""What the parsers of plain text in lines and columns have in common."""

from mqtt_app.parsers.json_tree import BOM


def utf8(payload: bytes) -> str | None:
    """The text without its mark and trailing NULs; None when it is no UTF-8 or has control
    characters.
    """
    try:
        text = payload.removeprefix(BOM).rstrip(b"\x00").decode()
    except UnicodeDecodeError:
        return None
    return (
        text if text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else None
    )


def topic_above(topic: str, names: set[str]) -> str:
    """The topic without the last levels that the payload says itself; never empty."""
    levels = topic.strip("/").split("/")
    while len(levels) > 1 and levels[-1] in names:
        levels.pop()
    return "/".join(levels) or topic
