"""What comes in on one link: stamped and handed on, or known for what need not be stored."""

import time

from mqtt_app.domain.delivery.ack_order import AckOrder
from mqtt_app.domain.delivery.messages import DUPLICATE, Envelope
from mqtt_app.domain.link.ack_mode import AckMode
from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.link.protocol.violations import Violation, protocol_error
from mqtt_app.mqtt.link.flow import LinkFlow
from mqtt_app.mqtt.link.link_services import LinkServices
from mqtt_app.mqtt.link.subscriptions import Subscriptions


class Intake:
    """`has_ready`: there are messages to acknowledge that no commit will report."""

    def __init__(
        self, services: LinkServices, subscriptions: Subscriptions, config: ConnectionConfig
    ) -> None:
        self._delivery = services.delivery
        self._clock = services.loop.clock
        self._subscriptions = subscriptions
        self.flow = LinkFlow(config.filter_names)
        self.acks = AckOrder()
        self.epoch = 0
        self.has_ready = False

    def begin(self, epoch: int) -> None:
        """A new link: what an older one left open is not open here."""
        self.epoch = epoch
        self.flow.messages = 0
        self.end()

    def end(self) -> None:
        self.acks = AckOrder()
        self.has_ready = False

    def take(self, message: Publish, config: ConnectionConfig, window: int) -> None:
        """`window`: messages that the broker leaves unacknowledged as a rule. Raises Violation.

        More than our Receive Maximum is no reason to end a link: mosquitto 2.0 sends beyond it
        under load, what waits in memory is bounded, and a broker has no more than 65,535
        identifiers.
        """
        packet_id = message.packet_id
        early = message.qos > 0 and config.ack_mode is not AckMode.STORED
        at_once = early and config.ack_mode is AckMode.RECEIVED
        if message.qos:
            if not message.dup and packet_id in self.acks:
                raise _identifier_in_use(packet_id)
            self.acks.received(packet_id, done=at_once)
            self.has_ready |= at_once
        now = time.time()
        self.flow.seen(message.topic, now)
        if (message.retain or message.subscriptions) and self._subscriptions.is_copy(
            message, self._clock()
        ):
            self._skip(packet_id, config, DUPLICATE)
            return
        envelope = Envelope(
            config.id,
            config.site_id,
            config.generation,
            self.epoch,
            packet_id,
            message.topic,
            message.payload,
            message.qos,
            message.retain,
            message.dup,
            now,
            early,
        )
        self._delivery.add(envelope, urgent=len(self.acks) >= window)

    def _skip(self, packet_id: int, config: ConnectionConfig, reason: str) -> None:
        self._delivery.drop(config.site_id, reason)
        self.acks.mark_committed(packet_id)
        self.has_ready = True


def _identifier_in_use(packet_id: int) -> Violation:
    """Only of new messages: some brokers repeat on one link what they think is lost."""
    return protocol_error(
        f"a new PUBLISH with the packet identifier {packet_id}, which is still in use"
    )
