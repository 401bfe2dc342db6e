"""What every session of a worker shares."""

import itertools
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from mqtt_app.domain.link.protocol.topic_names import TopicNames
from mqtt_app.domain.link.state import LinkTimeouts
from mqtt_app.mqtt.connection_log_writer import ConnectionLogWriter
from mqtt_app.mqtt.delivery.delivery import BatchDelivery
from mqtt_app.mqtt.link.client import Listener, MqttClient
from mqtt_app.mqtt.link.dialer import Dialer
from mqtt_app.mqtt.link.unfinished import UnfinishedBytes
from mqtt_app.mqtt.loop import Loop
from mqtt_app.mqtt.status_writer import StatusWriter
from mqtt_app.services.ownership import ConnectionConfig


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
    """`may_act` is false while our lease is in doubt: no connect then. `may_acknowledge` is so
    until the rows were read again after a doubt, too: whoever slept must not confirm what is a new
    owner's by now. `is_still_ours(since)`: the rows were read after `since` (the loop's clock) and
    it was ours; no connect after a loss before that.
    """

    loop: Loop
    dialer: Dialer
    delivery: BatchDelivery
    reports: StatusWriter
    book: ConnectionLogWriter
    policy: LinkTimeouts
    pacer: Pacer
    may_act: Callable[[], bool]
    may_acknowledge: Callable[[], bool]
    is_still_ours: Callable[[float], bool] = lambda _since: True
    receive_maximum: int = 1_000
    maximum_packet_size: int = 16_777_216
    session_expiry: int = 86_400
    packet_timeout: float = 30.0
    unfinished: UnfinishedBytes = field(default_factory=lambda: UnfinishedBytes(67_108_864))
    names: TopicNames = field(default_factory=TopicNames)
    _epochs: "count[int]" = field(default_factory=lambda: itertools.count(1))

    def next_epoch(self) -> int:
        return next(self._epochs)

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
