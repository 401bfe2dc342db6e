"""Publishes at QoS 1 as fast as it is allowed to, at a few microseconds a message. MQTT 3.1.1 on a
bare socket.

    python -m tests.benchmarks.generator PORT FIRST SITES DEVICES SECONDS RATE BACKLOG DATABASE_URL

The topics are those of SITES sites from number FIRST on. RATE is messages a second, 0 for as fast
as BACKLOG allows: that many messages may be published and not yet accounted for in the books of the
sites. Prints when it began, by the monotonic clock, the number of acknowledged messages, and the
seconds of CPU that they cost it.
"""

import json
import select
import socket
import struct
import sys
import time

import psycopg

from tests.narrowing import present

CHUNK = 100  # messages written in one go
WINDOW = 4_000  # unacknowledged messages


def connect(port: int) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port))
    name = f"generator-{time.monotonic_ns()}".encode()
    body = struct.pack("!H4sBBHH", 4, b"MQTT", 4, 2, 0, len(name)) + name
    link.sendall(bytes([0x10, len(body)]) + body)
    assert link.recv(4) == b"\x20\x02\x00\x00"
    return link


def packet(topic: bytes, number: int, payload: bytes) -> bytes:
    body = struct.pack("!H", len(topic)) + topic + struct.pack("!H", number) + payload
    length = len(body)
    head = bytes([0x32, length]) if length < 128 else bytes([0x32, length & 127 | 128, length >> 7])
    return head + body


class Generator:
    def __init__(self, port: int, sites: int, devices: int, *, first: int = 0) -> None:
        self.link = connect(port)
        numbers = range(first, first + sites)
        self.topics = [
            f"s{site}/d{device}/telemetry".encode() for device in range(devices) for site in numbers
        ]
        self.sent = self.acknowledged = 0

    def chunk(self, count: int) -> None:
        stamp = int(time.time() * 1000)
        first, topics = self.sent, self.topics
        self.link.sendall(
            b"".join(
                packet(
                    topics[number % len(topics)],
                    number % 65_535 + 1,
                    b'{"temperature":%d.%d,"humidity":40.1,"ts":%d}'
                    % (number % 30, number % 10, stamp),
                )
                for number in range(first, first + count)
            )
        )
        self.sent += count

    def drain(self, patience: float) -> None:
        while (
            self.sent - self.acknowledged > WINDOW
            or select.select([self.link], [], [], patience)[0]
        ):
            self.acknowledged += len(self.link.recv(262_144)) // 4
            patience = 0.0


def publish(
    generator: Generator, *, seconds: float, rate: float, backlog: int, database_url: str
) -> tuple[float, int, float]:
    begun, looked, loaded = time.monotonic(), 0.0, time.process_time()
    with psycopg.connect(database_url, autocommit=True) as database:
        base = accounted(database)
        stored = 0
        while (now := time.monotonic()) < begun + seconds:
            if now - looked > 0.05:
                looked, stored = now, accounted(database) - base
            allowed = rate * (now - begun) if rate else stored + backlog
            if generator.sent + CHUNK <= allowed or (rate and generator.sent < allowed):
                generator.chunk(CHUNK if not rate else int(allowed) - generator.sent)
                generator.drain(0.0)
            else:
                generator.drain(0.002)
    while generator.acknowledged < generator.sent:
        generator.acknowledged += len(generator.link.recv(262_144)) // 4
    return begun, generator.acknowledged, time.process_time() - loaded


def accounted(database: psycopg.Connection) -> int:
    row = database.execute("SELECT coalesce(sum(received), 0) FROM mqtt_sitebooks").fetchone()
    return int(present(row)[0])


if __name__ == "__main__":
    port, first, sites, devices, seconds, rate, backlog, database_url = sys.argv[1:]
    print(
        json.dumps(
            publish(
                Generator(int(port), int(sites), int(devices), first=int(first)),
                seconds=float(seconds),
                rate=float(rate),
                backlog=int(backlog),
                database_url=database_url,
            )
        )
    )
