"""One connection of a broker that insists on its window: so many unacknowledged messages and not
one more.

mosquitto 2.0.11 sends beyond its `max_inflight_messages` under load, so the broker here is a small
one of our own.
"""

import argparse
import select
import socket
import threading
import time

from tests.benchmarks.generator import packet
from tests.benchmarks.machine import machine
from tests.benchmarks.result import Result, median
from tests.benchmarks.traffic import up

CONNACK, SUBACK, PINGRESP = b"\x20\x02\x00\x00", b"\x90\x03%b\x01", b"\xd0\x00"


class StrictBroker:
    """MQTT 3.1.1 for one client. `outstanding` never exceeds `window`."""

    def __init__(self, window: int) -> None:
        self.window, self.acknowledged, self.outstanding, self.sending = window, 0, 0, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.outstanding, self._number = 0, 0
            while self._turn(client):
                pass

    def _turn(self, client: socket.socket) -> bool:
        if self.sending:
            self._fill(client)
        if not select.select([client], [], [], 0.01)[0]:
            return True
        data = client.recv(65_536)
        packets = data
        while packets:
            self._answer(client, packets)
            # A CONNECT or SUBSCRIBE of 128 bytes and more comes by itself.
            packets = packets[2 + packets[1] :] if packets[1] < 128 else b""
        return bool(data)

    def _answer(self, client: socket.socket, data: bytes) -> None:
        kind = data[0] & 0xF0
        if kind == 0x40:
            self.outstanding -= 1
            self.acknowledged += 1
        else:
            client.sendall({0x10: CONNACK, 0x80: SUBACK % data[2:4], 0xC0: PINGRESP}.get(kind, b""))

    def _fill(self, client: socket.socket) -> None:
        stamp, packets = int(time.time() * 1000), []
        while self.outstanding < self.window:
            self._number += 1
            topic = b"s0/d%d/telemetry" % (self._number % 50)
            body = b'{"temperature":%d.5,"humidity":40.1,"ts":%d}' % (self._number % 30, stamp)
            packets.append(packet(topic, self._number % 65_535 + 1, body))
            self.outstanding += 1
        if packets:
            client.sendall(b"".join(packets))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=10.0, help="of one run (default 10)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--window", type=int, default=20)


def run(options: argparse.Namespace) -> Result:
    broker = StrictBroker(options.window)
    with machine() as place:
        site = place.stack.site("strict", broker.port, protocol_version="3.1.1")
        place.stack.switch(site, "start")
        place.stack.worker(concurrency=2)
        place.stack.mqtt()
        up(place, 1)
        broker.sending = True
        time.sleep(2.0)
        runs = []
        for _ in range(options.runs):
            before = broker.acknowledged
            time.sleep(options.seconds)
            runs.append({"messages/s": (broker.acknowledged - before) / options.seconds})
        broker.sending = False
        batches = place.stack.rows("SELECT avg(messages)::float8 FROM mqtt_batchreceipt")[0][0]
    return Result(median(runs) | {"messages in a batch": float(batches)}, runs)
