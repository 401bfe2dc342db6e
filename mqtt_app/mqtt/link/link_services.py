"""What every session of a worker shares."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.protocol.topic_names import TopicNames
from mqtt_app.domain.link.state import LinkTimeouts
from mqtt_app.mqtt.connection_log_writer import ConnectionLogWriter
from mqtt_app.mqtt.delivery.delivery import BatchDelivery
from mqtt_app.mqtt.link.client import MqttClient
from mqtt_app.mqtt.link.dialer import Dialer
from mqtt_app.mqtt.link.listener import Listener
from mqtt_app.mqtt.link.unfinished import UnfinishedBytes
from mqtt_app.mqtt.loop import Loop
from mqtt_app.mqtt.status_writer import StatusWriter


class Pacer:
    """Spreads connects: `rate` a second, however many are due at once."""

    def __init__(self, rate: float) -> None:
        self._gap = 1.0 / rate
        self._next = 0.0

    def next_slot(self, now: float) -> float:
        slot = max(now, self._next)
        self._next = slot + self._gap
        return slot


@dataclass(frozen=True, slots=True)
class LinkServices:
    """`may_act` is false while our lease is in doubt. `may_acknowledge` is so until the rows were
    read again after a doubt, too: a process that was suspended must not confirm messages that a new
    owner has by now. `is_still_ours(since)`: the rows were read after `since` (the loop's clock),
    and the link was ours.
    """

    loop: Loop
    dialer: Dialer
    delivery: BatchDelivery
    statuses: StatusWriter
    connection_log: ConnectionLogWriter
    timeouts: LinkTimeouts
    pacer: Pacer
    unfinished: UnfinishedBytes
    may_act: Callable[[], bool]
    may_acknowledge: Callable[[], bool]
    is_still_ours: Callable[[float], bool]
    receive_maximum: int
    maximum_packet_size: int  # bytes
    session_expiry: int  # s
    packet_timeout: float  # s
    names: TopicNames = field(default_factory=TopicNames)
    _epochs: "count[int]" = field(default_factory=count)

    def may_connect(self, since: float) -> bool:
        """Again after a loss at `since` (the loop's clock)."""
        return self.may_act() and self.is_still_ours(since)

    def next_epoch(self) -> int:
        """From 1 on."""
        return next(self._epochs) + 1

    def new_client(
        self, config: ConnectionConfig, version: str, sock: socket.socket, listener: Listener
    ) -> MqttClient:
        return MqttClient(
            config,
            version,
            sock,
            listener,
            receive_maximum=self.receive_maximum,
            maximum_packet_size=self.maximum_packet_size,
            session_expiry=self.session_expiry,
            unfinished=self.unfinished,
            names=self.names,
        )
