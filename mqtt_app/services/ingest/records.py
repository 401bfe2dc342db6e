"""Rows as ingest knows them, by name."""

import msgspec

from mqtt_app.domain.delivery.messages import Envelope

TopicKey = tuple[int, str]
"""Connection id, topic."""

DeviceKey = tuple[int, str]
"""Site id, identifier of a device or gateway."""


class SiteRules(msgspec.Struct, frozen=True):
    """A connection as a batch needs it. `silence` in seconds. `paused` are names of parsers that
    fail at this site.

    `is_full`: no more dead letters may wait for them. `works_in_part`: long after its pause a
    paused parser still parses some messages, so it is not a bad deploy that broke it; the site has
    bad messages.
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


class Topic(msgspec.Struct, frozen=True):
    """A row of mqtt_discoveredtopic."""

    id: int
    connection_id: int
    topic: str
    is_processable: bool
    is_active: bool
    parser_name: str

    @property
    def key(self) -> TopicKey:
        return self.connection_id, self.topic


class KnownDevice(msgspec.Struct, frozen=True):
    """A row of mqtt_device, or of mqtt_gateway: that has no gateway."""

    id: int
    site_id: int
    identifier: str
    name: str
    gateway_id: int | None = None

    @property
    def key(self) -> DeviceKey:
        return self.site_id, self.identifier


def topic_key(message: Envelope) -> TopicKey:
    return message.connection_id, message.topic
