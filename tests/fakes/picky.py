"""Brokers that have limits, and mind them: what they allow, and filters that they hang up for."""

import struct
import threading
import time
from collections.abc import Callable, Iterator

from tests.fakes.rogue import RogueBroker, RogueLink
from tests.fakes.wire import answer, connack, packet, text


def number(identifier: int, size: int, value: int) -> bytes:
    """A property."""
    return bytes([identifier]) + value.to_bytes(size, "big")


def string(identifier: int, value: str) -> bytes:
    return bytes([identifier]) + text(value.encode())


def pair(name: str, value: str) -> bytes:
    """A User Property."""
    return b"\x26" + text(name.encode()) + text(value.encode())


def filters_of(version: str, body: bytes) -> Iterator[tuple[str, int]]:
    """(filter, QoS) of a SUBSCRIBE."""
    place = 2 + (1 + body[2] if version == "5" else 0)
    while place < len(body):
        length = struct.unpack("!H", body[place : place + 2])[0]
        name = body[place + 2 : place + 2 + length].decode()
        yield name, body[place + 2 + length] & 3
        place += 3 + length


class PickyLink:
    """Answers a client by hand. `asked`: filters and QoS of each SUBSCRIBE."""

    def __init__(self, broker: "PickyBroker", link: RogueLink) -> None:
        self._broker = broker
        self.link = link
        self.asked: list[list[tuple[str, int]]] = []
        self.pings = 0
        self.last = time.monotonic()
        self._seen = 0

    def serve(self) -> None:
        link = self.link
        link.answers = False
        time.sleep(self._broker.connack_after)
        link.send(connack(link.version, properties=self._broker.properties))
        while not link.closed.wait(0.01):
            packets = list(link.packets())
            for first, body in packets[self._seen :]:
                self.last = time.monotonic()
                if not self._take(first, body):
                    link.sock.shutdown(2)
                    return
            self._seen = len(packets)
            drop_after = self._broker.drop_after
            if drop_after and time.monotonic() - self.last > drop_after:
                link.sock.shutdown(2)
                return

    def _take(self, first: int, body: bytes) -> bool:
        """False to hang up."""
        link = self.link
        packet_id = struct.unpack("!H", body[:2])[0] if len(body) > 1 else 0
        if first == 0x82:
            wanted = list(filters_of(link.version, body))
            self.asked.append(wanted)
            if any(self._broker.hangs_up_for(name) for name, _ in wanted):
                return False
            if len(wanted) > self._broker.most_filters:
                return False
            broker = self._broker
            codes = [qos if broker.suback_code is None else broker.suback_code for _, qos in wanted]
            properties = broker.suback_properties
            link.send(answer(0x90, link.version, packet_id, bytes(codes), properties))
        elif first == 0xA2:
            count = len(list(_names(link.version, body)))
            link.send(answer(0xB0, link.version, packet_id, bytes(count)))
        elif first == 0xC0:
            self.pings += 1
            link.send(packet(0xD0))
        return True


def _names(version: str, body: bytes) -> Iterator[bytes]:
    place = 2 + (1 + body[2] if version == "5" else 0)
    while place < len(body):
        length = struct.unpack("!H", body[place : place + 2])[0]
        yield body[place + 2 : place + 2 + length]
        place += 2 + length


class PickyBroker:
    """`properties` of its CONNACK. `drop_after`: s without a packet after which it hangs up.

    `suback_code` None: what was asked for is granted.
    """

    def __init__(
        self,
        *,
        properties: bytes = b"",
        hangs_up_for: Callable[[str], bool] = lambda name: False,
        most_filters: int = 1_000,
        drop_after: float = 0.0,
        connack_after: float = 0.0,
        suback_properties: bytes = b"",
        suback_code: int | None = None,
    ) -> None:
        self.properties = properties
        self.hangs_up_for = hangs_up_for
        self.most_filters = most_filters
        self.drop_after = drop_after
        self.connack_after = connack_after
        self.suback_properties = suback_properties
        self.suback_code = suback_code
        self.links: list[PickyLink] = []
        self._lock = threading.Lock()
        self._broker = RogueBroker(self._serve)
        self.port = self._broker.port

    def stop(self) -> None:
        self._broker.stop()

    def _serve(self, link: RogueLink) -> None:
        picky = PickyLink(self, link)
        with self._lock:
            self.links.append(picky)
        picky.serve()

    @property
    def asked(self) -> list[list[tuple[str, int]]]:
        return [wanted for link in self.links for wanted in link.asked]
