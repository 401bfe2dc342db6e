"""The outside world of an MQTT worker, as its parts see it."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import msgspec

from mqtt_app.mqtt.connection_store import ConnectionStore
from mqtt_app.mqtt.delivery.ack_receiver import Acks, FindReceipts
from mqtt_app.mqtt.evidence_publisher import Evidence, PublishFlow
from mqtt_app.mqtt.link.dialer import Guard, Resolver
from mqtt_app.mqtt.ownership.lease_keeper import Leases


class Nudges(Protocol):
    def wait(self, timeout: float) -> bool:
        """True as soon as there was a nudge; False after `timeout` seconds without one."""
        ...

    def close(self) -> None: ...


class Ports(msgspec.Struct, frozen=True):
    """`on_batch` raises when a batch is not taken; `guard` says why an address is forbidden,
    `opened_by` which entry of the allow-list alone permits a host. `reconcile_if_needed` assigns
    connections when beat is away, `nudge` makes other workers look. `resolve` None: the system's.
    """

    on_batch: Callable[[bytes], None]
    store: ConnectionStore
    leases: Leases
    acks: Acks
    nudges: Nudges
    evidence: Evidence
    find_receipts: FindReceipts
    publish_flow: PublishFlow
    nudge: Callable[[], None]
    reconcile_if_needed: Callable[[datetime], object]
    guard: Guard
    opened_by: Callable[[str], str]
    resolve: Resolver | None = None
