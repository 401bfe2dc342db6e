"""What the owner of a link is given, and what it reports back, as plain values."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from mqtt_app.domain.link.ack_mode import AckMode
from mqtt_app.domain.link.answers.capabilities import BrokerCapabilities
from mqtt_app.domain.link.trouble.memory import NOTHING, LinkMemory


class Filter(msgspec.Struct, frozen=True):
    """A subscription filter and the QoS (0 or 1) that is asked for."""

    filter: str
    qos: int


class ConnectionConfig(msgspec.Struct, frozen=True):
    """The settings of one link at one `config_version`, for the owner of one `generation`.

    `client_id` is the same for every owner, so that the broker itself throws out a stale one.
    `negotiated_version` is the MQTT version that worked last ("5", "3.1.1" or ""). `keepalive` is
    in seconds. Certificates and keys are PEM; empty means none. The repr hides secrets. A change
    of `restarts` asks for a new link with the same settings.

    What earlier owners left in the broker's session: `granted` are the wanted filters that it
    accepted; `subscribed_version` is the `config_version` whose filters it has, and
    `obsolete_filters` are those that it may have beyond them. `memory` is what they found out.
    """

    id: int
    site_id: int
    site_name: str
    generation: int
    config_version: int
    host: str
    port: int
    username: str
    password: str
    use_tls: bool
    tls_ca: str
    tls_client_certificate: str
    tls_client_key: str
    tls_verify: bool
    protocol_version: str
    negotiated_version: str
    client_id: str
    keepalive: int
    filters: tuple[Filter, ...]
    retry_count: int
    ack_mode: AckMode = AckMode.STORED
    granted: frozenset[str] = frozenset()
    subscribed_version: int = 0
    obsolete_filters: tuple[str, ...] = ()
    restarts: int = 0
    memory: LinkMemory = NOTHING

    def __repr__(self) -> str:
        version = f"generation={self.generation}, config_version={self.config_version}"
        address = f"{self.host}:{self.port}"
        return (
            f"ConnectionConfig(id={self.id}, site_id={self.site_id}, {version}, address={address})"
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be stored, logged or shown when a broker repeats it."""
        return (self.password, self.tls_client_key)

    @property
    def filter_names(self) -> tuple[str, ...]:
        return tuple(wanted.filter for wanted in self.filters)


class LinkStatus(msgspec.Struct, frozen=True):
    """The status that an owner reports. `connected_at`: since when the link is up, None when it is
    down. An empty `negotiated_version` keeps the one that is remembered, and so does None for
    `capabilities` (what the broker allows) and `memory`.
    """

    status: str
    error_class: str = ""
    error_message: str = ""
    retry_count: int = 0
    connected_at: datetime | None = None
    negotiated_version: str = ""
    capabilities: BrokerCapabilities | None = None
    memory: LinkMemory | None = None


class SubackResults(msgspec.Struct, frozen=True):
    """What a broker answered to subscriptions: filter -> SUBACK code. `synced_version`: the
    `config_version` whose filters its session has by now, all of them and no others; 0 while it
    has not. `refusals`: filter -> why it is refused, or was not asked for.
    """

    codes: Mapping[str, int]
    synced_version: int = 0
    refusals: Mapping[str, str] = {}


FilterMatches = Mapping[int, Mapping[str, float]]
"""Connection id -> filter -> unix seconds of its last match. Of any generation: what matched once
has matched.
"""
