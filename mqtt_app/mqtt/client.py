"""One MQTT link on a socket that is connected already. The only file that knows paho; nothing here blocks.

paho speaks the protocol; when to read and write, keep alive, give up and come back is decided outside.
"""

import logging
import socket
import ssl
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from mqtt_app.domain.failures import BROKER, INTERNAL, NETWORK, Failure, closed_before_connack, not_mqtt, refusal
from mqtt_app.domain.overlap import Subscription
from mqtt_app.domain.packets import Publish
from mqtt_app.mqtt import tls
from mqtt_app.mqtt.buffered import BufferedSocket
from mqtt_app.services.ownership import ConnectionConfig

log = logging.getLogger(__name__)

OLD_WINDOW = 20  # unacknowledged messages that brokers send without MQTT 5's Receive Maximum; mosquitto's default
PUBACK = 0x40


class Listener(Protocol):
    """Who is told. Called on the loop's thread; an exception is caught, logged and ends this link only."""

    def on_accepted(self, session_present: bool) -> None: ...
    def on_refused(self, failure: Failure) -> None: ...
    def on_granted(self, packet_id: int, codes: Sequence[int]) -> None: ...
    def on_left(self, packet_id: int) -> None: ...
    def on_message(self, message: Publish) -> None: ...
    def on_lost(self, failure: Failure) -> None: ...
    def on_socket_closing(self, descriptor: int) -> None: ...
    def on_writable_wanted(self) -> None: ...


class MqttClient(Client):
    """`send_connect` first; then `read`, `write` and `ping` as the loop finds. `window`: messages we may leave open."""

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
        self._ready = BufferedSocket(sock)
        self._listener = listener
        self._use_tls = config.use_tls
        self._answered = False  # CONNACK was seen
        self._said_lost = False
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
        arguments: dict[str, Any] = {"clean_start": False, "properties": properties} if self.is_v5 else {}
        self.connect_async(config.host, config.port, config.keepalive, **arguments)
        self.on_connect = self._guard(self._connected)
        self.on_message = self._guard(self._received)
        self.on_subscribe = self._guard(self._subscribed)
        self.on_unsubscribe = self._guard(lambda _c, _u, packet_id, *_: self._listener.on_left(packet_id))
        self.on_disconnect = self._guard(self._disconnected)
        self.on_socket_close = self._guard(lambda _c, _u, sock: self._listener.on_socket_closing(sock.fileno()))
        self.on_socket_register_write = self._guard(lambda *_: self._listener.on_writable_wanted())

    def _create_socket(self) -> BufferedSocket:
        return self._ready

    def fileno(self) -> int:
        return self._ready.fileno()

    # What the loop calls

    def send_connect(self) -> None:
        self.reconnect()

    def read(self, limit: int) -> bool:
        """Handle up to `limit` packets. True when more is at hand that no poll would report."""
        for _ in range(limit):
            if self._sock is None:
                return False
            if self._takes_publish():
                continue
            if self._ready.is_dry():
                return self._ready.holds_more()
            try:
                code = self._packet_read()
            except (struct.error, IndexError, ValueError, UnicodeError) as error:
                self._fail(self._unreadable(error))
                return False
            if code == MQTTErrorCode.MQTT_ERR_AGAIN:
                return self._ready.holds_more()
            if code > 0:
                self._loop_rc_handle(code)
                return False
        return True

    def _takes_publish(self) -> bool:
        """The library takes 20 us for a PUBLISH; the common ones are read here, all others by it."""
        if not self._answered or self._in_packet["command"]:
            return False  # it is in the middle of a packet
        publish = self._ready.next_publish(with_properties=self.is_v5)
        if publish is None:
            return False
        self._heard(publish)
        return True

    def write(self) -> None:
        self.loop_write()

    def ping(self) -> None:
        self._send_pingreq()

    def keepalive_seconds(self) -> int:
        """As agreed: an MQTT 5 broker may have set another one in its CONNACK."""
        return int(self._keepalive)

    def unsaid(self) -> float:
        """Seconds since we last sent a packet: a broker that hears nothing for 1.5 keepalives closes the link, however
        much it sends itself (MQTT 5.0 section 3.1.2.10).
        """
        return time.monotonic() - self._last_msg_out

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """PUBACKs in the given order, as one write."""
        packets = b"".join(struct.pack("!BBH", PUBACK, 2, packet_id) for packet_id in packet_ids)
        self._packet_queue(PUBACK, packets, 0, 1)

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
        """DISCONNECT, keeping the session at the broker, then close. What cannot be sent at once is not sent."""
        self._said_lost = True
        try:
            self.disconnect()
            self.loop_write()
        except OSError:
            log.debug("DISCONNECT could not be sent")
        self.close()

    def close(self) -> None:
        """Close the socket without a word."""
        self._said_lost = True
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
        self._fail(Failure(INTERNAL, f"Sitewire failed at a packet of this broker: {error!r}"))

    def _connected(self, _c: Any, _u: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        self._answered = True
        if code.is_failure:
            self._said_lost = True
            self._listener.on_refused(refusal(code.value if self.is_v5 else self._ready.first[3]))
            return
        self.takes_identifiers = self.is_v5 and getattr(properties, "SubscriptionIdentifierAvailable", 1) != 0
        self._listener.on_accepted(bool(flags.session_present))

    def _received(self, _c: Any, _u: Any, message: MQTTMessage) -> None:
        payload, flags = bytes(message.payload), (message.qos, message.retain, message.dup)
        subscriptions = tuple(getattr(message.properties, "SubscriptionIdentifier", ()))
        self._heard(Publish(message._topic, payload, *flags, message.mid, subscriptions))

    def _heard(self, message: Publish) -> None:
        try:
            self._listener.on_message(message)
        except Exception as error:
            log.exception("A message could not be taken in")
            self._fault(error)

    def _subscribed(self, _c: Any, _u: Any, packet_id: int, codes: Sequence[ReasonCode], _p: Any) -> None:
        self._listener.on_granted(packet_id, [code.value for code in codes])

    def _disconnected(self, _c: Any, _u: Any, flags: Any, code: ReasonCode, _properties: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            self._fail(refusal(code.value))
        else:
            self._fail(self._why())

    def _why(self) -> Failure:
        if self._answered:
            return Failure(NETWORK, "The broker closed the connection, or the network broke it.")
        if self._is_old_refusal():
            return refusal(1)
        if isinstance(self._ready.error, ssl.SSLError):
            return tls.explain(self._ready.error, self._host)
        return not_mqtt(self._ready.first) or closed_before_connack(self._use_tls)

    def _unreadable(self, error: Exception) -> Failure:
        if not self._answered and (self._is_old_refusal() or not_mqtt(self._ready.first)):
            return self._why()
        return Failure(BROKER, f"The broker sent a packet that cannot be read ({error}).")

    def _is_old_refusal(self) -> bool:
        """A broker that knows no MQTT 5 may refuse it in the form of 3.1.1."""
        first = self._ready.first
        return first[:2] == b"\x20\x02" and len(first) >= 4 and first[3] in (1, 0x84)

    def _fail(self, failure: Failure) -> None:
        if not self._said_lost:
            self._said_lost = True
            self._listener.on_lost(failure)
