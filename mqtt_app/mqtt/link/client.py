"""The writing half of one MQTT link, on a socket that is connected already. The only file that
knows paho; nothing here blocks.

paho writes the packets; what the broker sends is read and judged in `reader.py`. When to read and
write, keep alive, give up and come back is decided outside.
"""

import logging
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.overlap import Subscription
from mqtt_app.domain.link.protocol.stream import PacketStream
from mqtt_app.domain.link.protocol.topic_names import TopicNames
from mqtt_app.domain.link.protocol.violations import Reason, Violation
from mqtt_app.mqtt.link.buffered import BufferedSocket
from mqtt_app.mqtt.link.listener import Listener
from mqtt_app.mqtt.link.reader import LinkReader
from mqtt_app.mqtt.link.unfinished import UnfinishedBytes

log = logging.getLogger(__name__)

# unacknowledged messages that brokers send without MQTT 5's Receive Maximum; mosquitto's default
OLD_WINDOW = 20
IDENTIFIERS = 65_535  # Packet Identifiers that there are
# bytes of PUBACK: a broker that frees no identifier has none left for more messages
MOST_UNSENT = 4 * IDENTIFIERS
PUBACK = 0x40
PUBCOMP = 0x70
DISCONNECT = 0xE0
UNKNOWN_IDENTIFIER = 0x92  # Reason Code of a PUBCOMP


class MqttClient(Client):
    """`send_connect` first; then `reader.read`, `write` and `ping` as the loop finds. `window`:
    messages that we may leave unacknowledged.
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
        stream = PacketStream(v5=self.is_v5, limit=maximum_packet_size, names=names)
        self.reader = LinkReader(
            sock, stream, unfinished, listener, self, host=config.host, use_tls=config.use_tls
        )
        self._listener = listener
        if config.username or config.password:
            self.username_pw_set(config.username, config.password or None)
        arguments: dict[str, Any] = {}
        if self.is_v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = session_expiry
            properties.ReceiveMaximum = receive_maximum
            properties.MaximumPacketSize = maximum_packet_size
            arguments = {"clean_start": False, "properties": properties}
        self.connect_async(config.host, config.port, config.keepalive, **arguments)
        self._set_callbacks()

    def _set_callbacks(self) -> None:
        self.on_disconnect = self._guard(self._on_paho_disconnect)
        self.on_socket_close = self._guard(self._on_paho_socket_close)
        self.on_socket_register_write = self._guard(self._on_paho_register_write)

    def _create_socket(self) -> BufferedSocket:  # type: ignore[override]  # the library never reads from it
        return self.reader.socket

    def fileno(self) -> int:
        return self.reader.socket.fileno()

    # What the session calls

    def send_connect(self) -> None:
        self.reconnect()

    def write(self) -> None:
        self.loop_write()

    def ping(self) -> None:
        self._send_pingreq()

    def keepalive_seconds(self) -> int:
        """As agreed: an MQTT 5 broker may have set another one in its CONNACK, but for 0, which
        leaves it to us.
        """
        return int(self._keepalive)

    def seconds_since_sent(self) -> float:
        """Since we last sent a packet: a broker that hears nothing for 1.5 keepalives closes the
        link, however much it sends itself (MQTT 5.0 section 3.1.2.10).
        """
        return time.monotonic() - self._last_msg_out

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """PUBACKs in the given order, as one write."""
        self._answer(b"".join(struct.pack("!BBH", PUBACK, 2, number) for number in packet_ids))

    def subscribe_to(self, part: Sequence[Subscription], retained: int) -> int | None:
        """The Packet Identifier of a SUBSCRIBE. `retained`: Retain Handling, where it is known."""
        properties = None
        if part[0].identifier:
            properties = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]
            properties.SubscriptionIdentifier = part[0].identifier
        wanted = [(wish.filter, self._options(wish, retained)) for wish in part]
        _, packet_id = self.subscribe(wanted, properties=properties)
        return packet_id

    def _options(self, wish: Subscription, retained: int) -> Any:
        if not self.is_v5:
            return wish.qos
        return SubscribeOptions(qos=wish.qos, retainHandling=retained)

    def unsubscribe_from(self, filters: Sequence[str]) -> int | None:
        """The Packet Identifier of an UNSUBSCRIBE."""
        _, packet_id = self.unsubscribe(list(filters))
        return packet_id

    def goodbye(self) -> None:
        """DISCONNECT, keeping the session at the broker, then close. What cannot be sent at once is
        not sent.
        """
        self.reader.is_over = True
        try:
            self.disconnect()
            self.loop_write()
        except OSError:
            log.debug("DISCONNECT could not be sent")
        self.close()

    def close(self) -> None:
        """Close the socket without a DISCONNECT."""
        self.reader.is_over = True
        self._sock_close()
        self.reader.socket.close()

    # What the reader calls

    def complete(self, packet_id: int) -> None:
        if self.is_v5:
            code = bytes((UNKNOWN_IDENTIFIER,))
        else:
            code = b""
        self._answer(struct.pack("!BBH", PUBCOMP, 2 + len(code), packet_id) + code)

    def send_disconnect(self, reason_code: int) -> None:
        if self.is_v5:
            self._packet_queue(DISCONNECT, bytes((DISCONNECT, 1, reason_code)), 0, 0)
            self.loop_write()

    def agree_keepalive(self, seconds: int) -> None:
        self._keepalive = seconds

    def _answer(self, packets: bytes) -> None:
        """Together with answers that the broker has not taken yet."""
        if self._out_packet:
            last = self._out_packet[-1]
        else:
            last = None
        if last is None or last["command"] != PUBACK:
            self._packet_queue(PUBACK, packets, 0, 1)
            return
        last["packet"] = last["packet"][last["pos"] :] + packets
        last["pos"] = 0
        last["to_process"] = len(last["packet"])
        if sum(packet["to_process"] for packet in self._out_packet) > MOST_UNSENT:
            what = "ever more messages, and takes none of our acknowledgements"
            self.reader.end_for(Violation(Reason.RECEIVE_MAXIMUM_EXCEEDED, what))

    # What paho calls

    def _guard(self, callback: Callable[..., None]) -> Callable[..., None]:
        """An exception in a callback would otherwise leave the library in the middle of a packet."""

        def guarded(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:
                log.exception("A callback of the MQTT client failed")
                self.reader.fault(error)

        return guarded

    def _on_paho_disconnect(self, *_: Any) -> None:
        self.reader.write_failed()

    def _on_paho_socket_close(self, _client: Any, _userdata: Any, sock: BufferedSocket) -> None:
        self._listener.on_socket_closing(sock.fileno())

    def _on_paho_register_write(self, *_: Any) -> None:
        self._listener.on_writable_wanted()
