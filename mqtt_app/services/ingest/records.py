"""Rows as ingest knows them, by name."""

import msgspec

from mqtt_app.domain.delivery.messages import Envelope

TopicKey = tuple[int, str]
"""Connection id, topic."""

DeviceKey = tuple[int, str]
"""Site id, identifier of a device or gateway."""


MetricKey = tuple[int, str]
"""Device id, name of the metric."""

NoticeKey = tuple[int, str, str, int]
"""Connection id, topic, kind, beginning of its period in unix seconds."""

DescribedKey = tuple[int, str, bool]
"""Site id, identifier, whether it is a gateway."""

SaidKey = tuple[int, str, bool, str]
"""A DescribedKey, and the name of the metric that is described, "" for the device itself."""


class SiteRules(msgspec.Struct, frozen=True):
    """A connection as a batch needs it. `silence` in seconds. `paused` are names of parsers that
    fail at this site.

    `is_full`: no more dead letters may wait for them. `works_in_part`: long after its pause a
    paused parser still parses some messages, so it is not a bad deploy that broke it; the site has
    bad messages. `memory_version` grows with every change of what is remembered or described of
    the connection, 0 when nothing ever was; `mappings_version` with every change of what the site's
    mappings read. `captures`: messages that no parser reads are kept.
    """

    connection_id: int
    site_id: int
    generation: int
    new_topics_active: bool
    max_topics: int
    max_devices: int
    max_new_topics: int
    silence: int
    paused: list[str]
    is_full: bool
    works_in_part: bool
    time_zone: str
    memory_version: int
    mappings_version: int
    captures: bool = False


class Topic(msgspec.Struct, frozen=True):
    """A row of mqtt_discoveredtopic. `recognitions`: how often another parser took it over.

    `is_template`: it stands, or stood, for all topics of its template. A topic that it stands for
    has all of it but the name; `stands_in` is that of the row then, else "".
    """

    id: int
    connection_id: int
    topic: str
    is_processable: bool
    is_active: bool
    parser_name: str
    is_pinned: bool = False
    recognitions: int = 0
    is_folding: bool = False
    is_template: bool = False
    stands_in: str = ""

    @property
    def key(self) -> TopicKey:
        return self.connection_id, self.topic

    @property
    def row(self) -> "Topic":
        """The row as it is, with its own name."""
        if not self.stands_in:
            return self
        return msgspec.structs.replace(self, topic=self.stands_in, stands_in="")

    def member(self, topic: str) -> "Topic":
        """A topic that this row stands for."""
        return msgspec.structs.replace(self, topic=topic, stands_in=self.row.topic)


class KnownDevice(msgspec.Struct, frozen=True):
    """A row of mqtt_device, or of mqtt_gateway: that has no gateway. `clock_skew` in s. `asked` is
    the alias under which it was found, "" for its own identifier.
    """

    id: int
    site_id: int
    identifier: str
    gateway_id: int | None = None
    clock_skew: float | None = None
    asked: str = ""

    @property
    def key(self) -> DeviceKey:
        return self.site_id, self.asked or self.identifier


class KnownMetric(msgspec.Struct, gc=False):
    """A row of mqtt_metric. `python_type` is that of its values. `source_unit`: of numbers that
    come without one, "" for `unit`. `topic`, `at` and `value` are of the last reading without a
    time of its own, in unix seconds.
    """

    id: int
    device_id: int
    name: str
    python_type: type
    unit: str
    source_unit: str
    diagnostic: bool
    label: str
    other_types: str
    other_units: str
    topic: str = ""
    at: float = 0.0
    value: object = None


def topic_key(message: Envelope) -> TopicKey:
    return message.connection_id, message.topic
