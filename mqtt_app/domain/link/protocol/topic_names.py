"""Topic names of messages: bytes to text, by MQTT 5 sections 1.5.4 and 4.7 (MQTT 3.1.1 says the
same).
"""

from mqtt_app.domain.link.protocol.violations import (
    FIND_THE_MESSAGE,
    Reason,
    Violation,
    protocol_error,
    shown,
)

REMEMBERED = 10_000  # names whose verdict is kept; all are forgotten when there are more
LONGEST_REMEMBERED = 200  # bytes; with the above 10 MB at most
SHARE = b"$share/"


class TopicNames:
    """Remembers the names that it found well formed: judging and decoding one costs more than a
    message may.

    `find` gives the text of one that is remembered, None for others; `judge` is for these.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, str] = {}
        self.find = self._known.get

    def judge(self, name: bytes) -> str:
        """Raises Violation."""
        text = topic_name(name)
        if len(name) <= LONGEST_REMEMBERED:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[name] = text
        return text


def topic_name(name: bytes) -> str:
    """Raises Violation. Control characters are allowed by MQTT; they are judged when the message is
    stored.
    """
    if not name:
        raise protocol_error("a PUBLISH without a topic", FIND_THE_MESSAGE)
    try:
        text = name.decode()  # strict: neither surrogates nor overlong forms
    except UnicodeDecodeError:
        raise _forbidden(Reason.MALFORMED_PACKET, name, "is not UTF-8") from None
    if "\0" in text:
        raise _forbidden(Reason.MALFORMED_PACKET, name, "contains U+0000")
    if "#" in text or "+" in text:
        raise _forbidden(Reason.TOPIC_NAME_INVALID, name, "contains a wildcard")
    if name.startswith(SHARE):
        raise _forbidden(Reason.TOPIC_NAME_INVALID, name, "is that of a shared subscription")
    return text


def _forbidden(reason: Reason, name: bytes, why: str) -> Violation:
    return Violation(reason, f"a PUBLISH whose topic {why}: {shown(name)}", FIND_THE_MESSAGE)
