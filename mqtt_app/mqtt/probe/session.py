"""MQTT on a blocking socket: CONNECT, SUBSCRIBE, and what the broker answers in a given time."""

import contextlib
import socket

from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.failures import (
    NO_CONNACK,
    NO_SUBACK,
    LinkFailure,
    not_mqtt,
    refusal,
    violated,
)
from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.link.protocol.connack import Connack
from mqtt_app.domain.link.protocol.control_packets import ControlPacket, Disconnect, Suback
from mqtt_app.domain.link.protocol.stream import PacketStream
from mqtt_app.domain.link.protocol.topic_names import TopicNames
from mqtt_app.domain.link.protocol.violations import Violation, unfinished
from mqtt_app.domain.probe import packets
from mqtt_app.domain.probe.heard import Heard
from mqtt_app.mqtt.link import loss
from mqtt_app.mqtt.probe.deadline import Deadline

KEPT = 20  # messages; of more only the number is known
KEPT_BYTES = 1_048_576  # of payload that is kept of one message
FIRST = 64  # bytes by which something else than MQTT is known
GREETING = 0.3  # s; for what something says by itself, and for the rest of a few first bytes
CHUNK = 65_536

Answer = Publish | ControlPacket | LinkFailure | None


class ProbeSession:
    """`messages` are the first that came, `came` is how many."""

    def __init__(
        self,
        sock: socket.socket,
        config: ConnectionConfig,
        *,
        v5: bool,
        limit: int,
        deadline: Deadline,
    ) -> None:
        self.sock = sock
        self.stream = PacketStream(v5=v5, limit=limit, names=TopicNames())
        self.first = b""
        self.messages: list[Publish] = []
        self.came = 0
        self.heard = Heard()
        self._config = config
        self._v5 = v5
        self._limit = limit
        self._deadline = deadline
        self._packet_id = 0

    def greeting(self) -> LinkFailure | None:
        """Why the other side ends a connection on which nothing was said yet, as TLS 1.3 does for a
        missing client certificate; or what it says though it should not.
        """
        answer = self._next(self._until(GREETING))
        return answer if isinstance(answer, LinkFailure) else None

    def connect(self, seconds: float) -> Connack | LinkFailure:
        self._send(packets.connect(self._config, v5=self._v5, limit=self._limit))
        until = self._until(seconds)
        answer = self._next(until)
        if isinstance(answer, Connack):
            if answer.code:
                allows = answer.allows
                return refusal(answer.code, allows.words, allows.server_reference)
            return answer
        if isinstance(answer, LinkFailure):
            return answer
        return self._broken_off(seconds) or NO_CONNACK

    def subscribe(self, topic_filter: str, qos: int, seconds: float) -> Suback | LinkFailure:
        self._packet_id += 1
        self._send(packets.subscribe(self._packet_id, topic_filter, qos, v5=self._v5))
        until = self._until(seconds)
        while self._deadline.clock() < until:
            answer = self._next(until)
            if isinstance(answer, Suback) and answer.packet_id == self._packet_id:
                return answer
            if isinstance(answer, LinkFailure):
                return answer
        return self._broken_off(seconds) or NO_SUBACK

    def wait_for_message(self, seconds: float) -> LinkFailure | None:
        """Until one has come, and what comes with it; or until the broker ends the connection."""
        until = self._until(seconds)
        while not self.messages and self._deadline.clock() < until:
            answer = self._next(until)
            if isinstance(answer, LinkFailure):
                return answer
        until = self._until(GREETING)
        while self._deadline.clock() < until and self.came < KEPT:
            if isinstance(self._next(until), LinkFailure):
                break
        return None

    def listen(self, seconds: float) -> LinkFailure | None:
        """For all of this time, whatever comes; or until the broker ends the connection."""
        until = self._until(seconds)
        while self._deadline.clock() < until:
            answer = self._next(until)
            if isinstance(answer, LinkFailure):
                return answer
        return None

    def close(self) -> None:
        if self.stream.connected:
            self._send(packets.disconnect())
        self.sock.close()

    def _until(self, seconds: float) -> float:
        return self._deadline.clock() + self._deadline.at_most(seconds)

    def _send(self, data: bytes) -> None:
        """What cannot be sent shows when the answer is read."""
        with contextlib.suppress(OSError):
            self.sock.settimeout(GREETING)
            self.sock.sendall(data)

    def _next(self, until: float) -> Answer:
        """None when the time is up."""
        try:
            packet = self.stream.next()
            while packet is None:
                failure = self._read(until)
                if failure is not None:
                    return failure
                if not self._fed:
                    return None
                packet = self.stream.next()
        except Violation as violation:
            return violated(violation)
        if isinstance(packet, Publish):
            self._take(packet)
        if isinstance(packet, Disconnect):
            return refusal(packet.code, packet.words, packet.server_reference)
        return packet

    def _read(self, until: float) -> LinkFailure | None:
        self._fed = False
        data = self._receive(until)
        if isinstance(data, LinkFailure) or data is None:
            return data
        if len(self.first) < FIRST:
            if not self.first and len(data) < 5 and data[0] != 0x20:
                more = self._receive(self._until(GREETING))
                data += more if isinstance(more, bytes) else b""
            self.first += data[:FIRST]
            other = None if self.stream.connected else not_mqtt(self.first)
            if other is not None:
                return other
        self.stream.feed(data)
        self._fed = True
        return None

    def _receive(self, until: float) -> bytes | LinkFailure | None:
        left = until - self._deadline.clock()
        if left <= 0:
            return None
        try:
            self.sock.settimeout(left)
            data = self.sock.recv(CHUNK)
        except TimeoutError:
            return None
        except OSError as error:
            return self._lost(error)
        return data or self._lost(EOFError())

    def _lost(self, error: EOFError | OSError) -> LinkFailure:
        config = self._config
        identified = bool(config.tls_client_certificate)
        return loss.explain(error, self, config.host, use_tls=config.use_tls, identified=identified)

    def _broken_off(self, seconds: float) -> LinkFailure | None:
        if self.stream.unfinished:
            return violated(unfinished(self.stream.unfinished, seconds))
        return None

    def _take(self, message: Publish) -> None:
        self.came += 1
        self.heard.add(message)
        if message.qos:
            self._send(packets.puback(message.packet_id))
        if len(self.messages) < KEPT and len(message.payload) <= KEPT_BYTES:
            self.messages.append(message)


def described(message: Publish) -> str:
    kind = "retained" if message.retain else "live"
    return f"{message.topic}: {len(message.payload):,} bytes, {kind}"
