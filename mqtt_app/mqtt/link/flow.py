"""What is seen of a connection's messages: how many, when the last, and which filters ever matched."""

from mqtt_app.domain.topics import matches

REMEMBERED = 2_000  # topics whose filters are kept in memory, per connection
LONGEST_REMEMBERED = 250  # characters; with the above a megabyte or two at most


class LinkFlow:
    """Times are unix seconds."""

    def __init__(self, filters: tuple[str, ...]) -> None:
        self._filters = filters
        self._by_topic: dict[str, tuple[str, ...]] = {}
        self.matched: dict[str, float] = {}
        self.total = 0
        self.messages = 0  # of the present link
        self.last_message_at: float | None = None

    @property
    def filters(self) -> tuple[str, ...]:
        return self._filters

    @filters.setter
    def filters(self, filters: tuple[str, ...]) -> None:
        self._filters = filters
        self._by_topic.clear()

    def seen(self, topic: str, now: float) -> None:
        self.total += 1
        self.messages += 1
        self.last_message_at = now
        found = self._by_topic.get(topic)
        if found is None:
            found = self._find(topic)
        for name in found:
            self.matched[name] = now

    def _find(self, topic: str) -> tuple[str, ...]:
        found = tuple(name for name in self._filters if matches(name, topic))
        if len(topic) <= LONGEST_REMEMBERED:
            if len(self._by_topic) >= REMEMBERED:
                self._by_topic.clear()
            self._by_topic[topic] = found
        return found
