"""The reading half of one MQTT link: packets are judged by `domain/link/protocol`, handed to the
session, and a violation ends the link.
"""

import logging
import socket
from typing import Protocol

from mqtt_app.domain.link.failures import (
    INTERNAL,
    LinkFailure,
    not_mqtt,
    out_of_memory,
    refusal,
    violated,
)
from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.link.protocol.connack import Connack
from mqtt_app.domain.link.protocol.control_packets import (
    ControlPacket,
    Disconnect,
    Pubrel,
    Suback,
    Unsuback,
)
from mqtt_app.domain.link.protocol.stream import PacketStream
from mqtt_app.domain.link.protocol.violations import Violation
from mqtt_app.mqtt.link import loss
from mqtt_app.mqtt.link.buffered import BufferedSocket
from mqtt_app.mqtt.link.listener import Listener
from mqtt_app.mqtt.link.unfinished import UnfinishedBytes

log = logging.getLogger(__name__)


class PacketWriter(Protocol):
    """What the reader asks of the writing half."""

    def complete(self, packet_id: int) -> None:
        """PUBCOMP."""
        ...

    def send_disconnect(self, reason_code: int) -> None:
        """Only MQTT 5 has a reason to send."""
        ...

    def agree_keepalive(self, seconds: int) -> None: ...


class LinkReader:
    """`is_over`: the session knows that the link has ended, or ends it."""

    def __init__(
        self,
        sock: socket.socket,
        stream: PacketStream,
        unfinished: UnfinishedBytes,
        listener: Listener,
        writer: PacketWriter,
        *,
        host: str,
        use_tls: bool,
    ) -> None:
        self._stream = stream
        self._shared = unfinished
        self.socket = BufferedSocket(sock, stream, unfinished, self._gave_up)
        self._listener = listener
        self._writer = writer
        self._host = host
        self._use_tls = use_tls
        self.is_over = False

    def read(self, limit: int) -> bool:
        """Handle up to `limit` packets. True when more is at hand that no poll would report."""
        if self.is_over:
            return False
        try:
            return self._read(limit)
        except Violation as violation:
            self.end_for(violation)
        except (EOFError, OSError) as error:
            self._end(self._explain(error))
        except Exception as error:
            log.exception("A packet of a broker could not be taken in")
            self.fault(error)
        return False

    def _read(self, limit: int) -> bool:
        source = self.socket
        listener = self._listener
        source.begin_turn()
        for _ in range(limit):
            packet = source.next_packet()
            if packet is None:
                return source.holds_more()
            if isinstance(packet, Publish):
                listener.on_message(packet)
            else:
                self._handle(packet)
            if self.is_over:
                return False
        return True

    def _handle(self, packet: ControlPacket) -> None:
        """Everything but PUBLISH."""
        match packet:
            case Connack():
                self._on_connack(packet)
            case Suback():
                self._listener.on_suback(packet)
            case Unsuback():
                self._listener.on_unsuback(packet.packet_id, packet.codes)
            case Disconnect():
                self._fail(refusal(packet.code, packet.words, packet.server_reference))
            case Pubrel():
                self._writer.complete(packet.packet_id)

    def _on_connack(self, packet: Connack) -> None:
        allows = packet.allows
        if packet.code:
            self.is_over = True
            failure = refusal(packet.code, allows.words, allows.server_reference)
            self._listener.on_refused(failure)
            return
        if allows.keepalive:
            self._writer.agree_keepalive(allows.keepalive)
        self._listener.on_accepted(packet)

    @property
    def unfinished(self) -> int:
        """Bytes of a packet that has not come whole."""
        return self._stream.unfinished

    @property
    def packets_begun(self) -> int:
        """Packets that did not come whole in one read."""
        return self.socket.packets_begun

    def hung_up(self) -> None:
        """The connection has ended, which was seen without reading."""
        self._fail(self._explain(ConnectionResetError()))

    def write_failed(self) -> None:
        """Or our DISCONNECT was sent."""
        self._fail(self._explain(self.socket.error or ConnectionResetError()))

    def end_for(self, violation: Violation) -> None:
        """End the link for what the broker did. MQTT 5 says why in a DISCONNECT, 3.1.1 cannot."""
        if self._stream.connected:
            other = None
        else:
            other = not_mqtt(self.socket.first)
        self._end(other or violated(violation))

    def fault(self, error: Exception) -> None:
        """End the link for a fault of ours."""
        self._fail(LinkFailure(INTERNAL, f"Sitewire failed at a packet of this broker: {error!r}"))

    def _end(self, failure: LinkFailure) -> None:
        if self.is_over:
            return
        self._fail(failure)
        if failure.reason_code:
            self._writer.send_disconnect(failure.reason_code)

    def _gave_up(self) -> None:
        """What was read of a packet had to make room."""
        self._end(out_of_memory(self._shared.limit))

    def _explain(self, error: EOFError | OSError) -> LinkFailure:
        return loss.explain(error, self.socket, self._host, use_tls=self._use_tls)

    def _fail(self, failure: LinkFailure) -> None:
        if not self.is_over:
            self.is_over = True
            self._listener.on_lost(failure)
