"""One MQTT link on a socket that is connected already. The only file that knows paho; nothing here
blocks.

paho writes the packets; what the broker sends is read and judged by `domain/protocol`, and a
violation ends the link. When to read and write, keep alive, give up and come back is decided
outside.
"""

import logging
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from mqtt_app.domain.link.failures import (
    INTERNAL,
    LinkFailure,
    not_mqtt,
    out_of_memory,
    refusal,
    violated,
)
from mqtt_app.domain.link.overlap import Subscription
from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.link.protocol.control_packets import (
    Connack,
    ControlPacket,
    Disconnect,
    Pubrel,
    Suback,
    Unsuback,
)
from mqtt_app.domain.link.protocol.stream import PacketStream
from mqtt_app.domain.link.protocol.topic_names import TopicNames
from mqtt_app.domain.link.protocol.violations import Reason, Violation
from mqtt_app.mqtt.link import loss
from mqtt_app.mqtt.link.buffered import BufferedSocket
from mqtt_app.mqtt.link.unfinished import UnfinishedBytes
from mqtt_app.services.ownership import ConnectionConfig

log = logging.getLogger(__name__)

# unacknowledged messages that brokers send without MQTT 5's Receive Maximum; mosquitto's default
OLD_WINDOW = 20
IDENTIFIERS = 65_535  # Packet Identifiers that there are
MOST_UNSENT = (
    4 * IDENTIFIERS
)  # bytes of PUBACK: a broker that frees no identifier has none left for more messages
PUBACK, PUBCOMP, DISCONNECT = 0x40, 0x70, 0xE0
UNKNOWN_IDENTIFIER = 0x92  # Reason Code of a PUBCOMP


class Listener(Protocol):
    """Who is told. Called on the loop's thread; an exception is caught, logged and ends this link
    only, as a fault of ours, or, if it is a Violation, as one of the broker.
    """

    def on_accepted(self, session_present: bool) -> None: ...
    def on_refused(self, failure: LinkFailure) -> None: ...
    def on_granted(self, packet_id: int, codes: Sequence[int]) -> None: ...
    def on_left(self, packet_id: int, codes: Sequence[int] | None) -> None: ...
    def on_message(self, message: Publish) -> None: ...
    def on_lost(self, failure: LinkFailure) -> None: ...
    def on_socket_closing(self, descriptor: int) -> None: ...
    def on_writable_wanted(self) -> None: ...


class MqttClient(Client):
    """`send_connect` first; then `read`, `write` and `ping` as the loop finds. `window`: messages
    we may leave open.
    """

    def __init__(
        self,
        config: ConnectionConfig,
        version: str,
        sock: socket.socket,
        listener: Listener,
        *,
        receive_maximum: int,
        maximum_packet_size: int,
        session_expiry: int,
        unfinished: UnfinishedBytes,
        names: TopicNames,
    ) -> None:
        self.is_v5 = version == "5"
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=config.client_id,
            clean_session=None if self.is_v5 else False,
            protocol=MQTTProtocolVersion.MQTTv5 if self.is_v5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self.window = receive_maximum if self.is_v5 else OLD_WINDOW
        self._stream = PacketStream(v5=self.is_v5, limit=maximum_packet_size, names=names)
        self._shared = unfinished
        self._ready = BufferedSocket(sock, self._stream, unfinished, self._gave_up)
        self._listener = listener
        self._use_tls = config.use_tls
        self._is_over = False  # the listener knows that the link has ended, or ends it
        self.takes_identifiers = self.is_v5  # Subscription Identifiers
        if config.username or config.password:
            self.username_pw_set(config.username, config.password or None)
        properties = None
        if self.is_v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = session_expiry
            properties.ReceiveMaximum = receive_maximum
            properties.MaximumPacketSize = maximum_packet_size
        self._describe(config, properties)

    def _describe(self, config: ConnectionConfig, properties: Properties | None) -> None:
        arguments: dict[str, Any] = (
            {"clean_start": False, "properties": properties} if self.is_v5 else {}
        )
        self.connect_async(config.host, config.port, config.keepalive, **arguments)
        self.on_disconnect = self._guard(self._disconnected)
        self.on_socket_close = self._guard(
            lambda _c, _u, sock: self._listener.on_socket_closing(sock.fileno())
        )
        self.on_socket_register_write = self._guard(lambda *_: self._listener.on_writable_wanted())

    def _create_socket(self) -> BufferedSocket:  # type: ignore[override]  # the library never reads from it
        return self._ready

    def fileno(self) -> int:
        return self._ready.fileno()

    # What the loop calls

    def send_connect(self) -> None:
        self.reconnect()

    def read(self, limit: int) -> bool:
        """Handle up to `limit` packets. True when more is at hand that no poll would report."""
        if self._is_over:
            return False
        try:
            return self._read(limit)
        except Violation as violation:
            self.end_for(violation)
        except (EOFError, OSError) as error:
            self._end(self._why(error))
        except Exception as error:
            log.exception("A packet of a broker could not be taken in")
            self._fault(error)
        return False

    def _read(self, limit: int) -> bool:
        source, listener = self._ready, self._listener
        source.begin_turn()
        for _ in range(limit):
            packet = source.next_packet()
            if packet is None:
                return source.holds_more()
            if isinstance(packet, Publish):
                listener.on_message(packet)
            else:
                self._take(packet)
            if self._is_over:
                return False
        return True

    def _take(self, packet: ControlPacket) -> None:
        """Everything but PUBLISH."""
        match packet:
            case Connack():
                self._connected(packet)
            case Suback():
                self._listener.on_granted(packet.packet_id, packet.codes)
            case Unsuback():
                self._listener.on_left(packet.packet_id, packet.codes)
            case Disconnect():
                self._fail(refusal(packet.code))
            case Pubrel():
                self._complete(packet.packet_id)

    @property
    def unfinished(self) -> int:
        """Bytes of a packet that has not come whole."""
        return self._stream.unfinished

    @property
    def packets_begun(self) -> int:
        return self._ready.packets_begun

    def hung_up(self) -> None:
        """The connection has ended, which was seen without reading."""
        self._fail(self._why(ConnectionResetError()))

    def end_for(self, violation: Violation) -> None:
        """End the link for what the broker did. MQTT 5 says why in a DISCONNECT, 3.1.1 has no word
        for it.
        """
        other = None if self._stream.connected else not_mqtt(self._ready.first)
        self._end(other or violated(violation))

    def _end(self, failure: LinkFailure) -> None:
        if self._is_over:
            return
        self._fail(failure)
        if self.is_v5 and failure.reason_code:
            self._packet_queue(DISCONNECT, bytes((DISCONNECT, 1, failure.reason_code)), 0, 0)
            self.loop_write()

    def _gave_up(self) -> None:
        """What was read of a packet had to make room."""
        self._end(out_of_memory(self._shared.limit))

    def write(self) -> None:
        self.loop_write()

    def ping(self) -> None:
        self._send_pingreq()

    def keepalive_seconds(self) -> int:
        """As agreed: an MQTT 5 broker may have set another one in its CONNACK, but for 0, which
        leaves it to us.
        """
        return int(self._keepalive)

    def unsaid(self) -> float:
        """Seconds since we last sent a packet: a broker that hears nothing for 1.5 keepalives
        closes the link, however much it sends itself (MQTT 5.0 section 3.1.2.10).
        """
        return time.monotonic() - self._last_msg_out

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """PUBACKs in the given order, as one write."""
        self._answer(
            b"".join(struct.pack("!BBH", PUBACK, 2, packet_id) for packet_id in packet_ids)
        )

    def _complete(self, packet_id: int) -> None:
        code = bytes((UNKNOWN_IDENTIFIER,)) if self.is_v5 else b""
        self._answer(struct.pack("!BBH", PUBCOMP, 2 + len(code), packet_id) + code)

    def _answer(self, packets: bytes) -> None:
        """Together with answers that the broker has not taken yet."""
        last = self._out_packet[-1] if self._out_packet else None
        if last is None or last["command"] != PUBACK:
            self._packet_queue(PUBACK, packets, 0, 1)
            return
        last["packet"] = last["packet"][last["pos"] :] + packets
        last["pos"], last["to_process"] = 0, len(last["packet"])
        if sum(packet["to_process"] for packet in self._out_packet) > MOST_UNSENT:
            what = "ever more messages, and takes none of our acknowledgements"
            self.end_for(Violation(Reason.RECEIVE_MAXIMUM_EXCEEDED, what))

    def subscribe_to(self, part: Sequence[Subscription], retained: int) -> int | None:
        """The Packet Identifier of a SUBSCRIBE. `retained`: Retain Handling, where it is known."""
        properties = None
        if part[0].identifier:
            properties = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]
            properties.SubscriptionIdentifier = part[0].identifier
        wanted = [(one.filter, self._options(one, retained)) for one in part]
        _, packet_id = self.subscribe(wanted, properties=properties)
        return packet_id

    def unsubscribe_from(self, filters: Sequence[str]) -> int | None:
        """The Packet Identifier of an UNSUBSCRIBE."""
        _, packet_id = self.unsubscribe(list(filters))
        return packet_id

    def goodbye(self) -> None:
        """DISCONNECT, keeping the session at the broker, then close. What cannot be sent at once is
        not sent.
        """
        self._is_over = True
        try:
            self.disconnect()
            self.loop_write()
        except OSError:
            log.debug("DISCONNECT could not be sent")
        self.close()

    def close(self) -> None:
        """Close the socket without a word."""
        self._is_over = True
        self._sock_close()
        self._ready.close()

    def _options(self, one: Subscription, retained: int) -> Any:
        return SubscribeOptions(qos=one.qos, retainHandling=retained) if self.is_v5 else one.qos

    # What paho calls

    def _guard(self, callback: Callable[..., None]) -> Callable[..., None]:
        """An exception in a callback would otherwise leave the library in the middle of a packet."""

        def guarded(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:
                log.exception("A callback of the MQTT client failed")
                self._fault(error)

        return guarded

    def _fault(self, error: Exception) -> None:
        self._fail(LinkFailure(INTERNAL, f"Sitewire failed at a packet of this broker: {error!r}"))

    def _connected(self, packet: Connack) -> None:
        if packet.code:
            self._is_over = True
            self._listener.on_refused(refusal(packet.code))
            return
        self._keepalive = packet.keepalive or self._keepalive
        self.takes_identifiers = packet.takes_identifiers
        self._listener.on_accepted(packet.session_present)

    def _disconnected(self, *_: Any) -> None:
        """A write failed, or our DISCONNECT was sent."""
        self._fail(self._why(self._ready.error or ConnectionResetError()))

    def _why(self, error: EOFError | OSError) -> LinkFailure:
        return loss.explain(error, self._ready, self._host, use_tls=self._use_tls)

    def _fail(self, failure: LinkFailure) -> None:
        if not self._is_over:
            self._is_over = True
            self._listener.on_lost(failure)
