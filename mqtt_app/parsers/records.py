"""Records of formats other than JSON, read by the rules of JSON of no known family."""

from collections.abc import Sequence
from typing import Any

from mqtt_app.domain.facts import Fact, ReadingFact
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.generic.records import RecordReader
from mqtt_app.parsers.generic.topic_roles import role_of
from mqtt_app.parsers.generic.tree_place import TreePlace


class ByteRecordReader(RecordReader):
    """Also of formats whose leaves may be bytes."""

    def _leaf(self, leaf: Any, scope: TreePlace) -> None:
        if not isinstance(leaf, bytes):
            super()._leaf(leaf, scope)
            return
        metric = scope.path or "value"
        reading = ReadingFact(device=scope.device, metric=metric, value=leaf, time=scope.time)
        self.facts.append(reading)


def facts_of_tree(message: Message, tree: Any) -> Sequence[Fact]:
    """Nothing on a topic of commands, whatever it carries."""
    role = role_of(message.topic)
    if role.is_silent:
        return []
    return ByteRecordReader(role, message.received_at, message.time_zone).read(tree)
