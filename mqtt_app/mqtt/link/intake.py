"""What comes in on one link: stamped and handed on, or known for what need not be stored."""

import time

from mqtt_app.domain.delivery.batching import AckOrder
from mqtt_app.domain.delivery.messages import DUPLICATE, Envelope
from mqtt_app.domain.link.ack_mode import AckMode
from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.link.protocol.violations import Violation, protocol_error
from mqtt_app.mqtt.link.flow import LinkFlow
from mqtt_app.mqtt.link.link_services import LinkServices
from mqtt_app.mqtt.link.subscriptions import Subscriptions
from mqtt_app.services.ownership import ConnectionConfig


class Intake:
    """`settles`: there are messages to acknowledge that no commit will bring to mind."""

    def __init__(
        self, context: LinkServices, subscriptions: Subscriptions, config: ConnectionConfig
    ) -> None:
        self._delivery, self._clock, self._subscriptions = (
            context.delivery,
            context.loop.clock,
            subscriptions,
        )
        self.flow = LinkFlow(tuple(one.filter for one in config.filters))
        self.acks = AckOrder()
        self.epoch = 0
        self.settles = False

    def begin(self, epoch: int) -> None:
        """A new link: what an older one left open is not open here."""
        self.epoch, self.acks, self.settles, self.flow.messages = epoch, AckOrder(), False, 0

    def end(self) -> None:
        self.acks, self.settles = AckOrder(), False

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
            self.settles |= at_once
        now = time.time()
        self.flow.seen(message.topic, now)
        if (message.retain or message.subscriptions) and self._subscriptions.is_copy(
            message, self._clock()
        ):
            self._pass_over(packet_id, config, DUPLICATE)
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

    def _pass_over(self, packet_id: int, config: ConnectionConfig, reason: str) -> None:
        self._delivery.drop(config.site_id, reason)
        self.acks.committed(packet_id)
        self.settles = True


def _identifier_in_use(packet_id: int) -> Violation:
    """Only of new messages: some brokers repeat on one link what they think is lost."""
    return protocol_error(
        f"a new PUBLISH with the packet identifier {packet_id}, which is still in use"
    )
