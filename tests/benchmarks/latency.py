"""From publishing to the committed row, and to the browser's WebSocket, at 500 messages a second."""

import argparse
import contextlib
import json
import statistics
import threading
import time
from collections import deque

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_socket

from tests.benchmarks import delays
from tests.benchmarks.generator import connect, packet
from tests.benchmarks.machine import Machine, machine
from tests.benchmarks.result import Figures, Result, median
from tests.benchmarks.traffic import Traffic, add_sites, all_stored, up
from tests.stack import wait_for

PROBED = 5  # sites of the browser's messages
EVERY = 0.02  # s between two of them


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=20.0, help="of one run (default 20)")
    parser.add_argument(
        "--runs", type=int, default=3, help="runs, of which the median counts (default 3)"
    )
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--devices", type=int, default=50, help="of each site")
    parser.add_argument("--rate", type=float, default=500.0, help="messages a second (default 500)")
    parser.add_argument("--workers", type=int, default=2, help="processes of the task worker")


def run(options: argparse.Namespace) -> Result:
    with machine(postgres_options=delays.POSTGRES_OPTIONS) as place:
        sites = add_sites(place, options.sites + PROBED)
        place.stack.worker(concurrency=options.workers)
        place.stack.mqtt()
        up(place, len(sites))
        _one(place, options, sites, seconds=4.0)  # meets every topic and device once
        runs = [_one(place, options, sites, options.seconds) for _ in range(options.runs)]
    return Result(median(runs), runs)


def _one(place: Machine, options: argparse.Namespace, sites: list[int], seconds: float) -> Figures:
    since, expected = (
        time.time(),
        place.stack.one("SELECT coalesce(sum(received), 0) FROM mqtt_sitebooks"),
    )
    traffic = Traffic(place, options.sites, options.devices, seconds, rate=options.rate)
    shown = _to_browser(place, sites[options.sites :], options.sites, seconds)
    sent = traffic.acknowledged()
    all_stored(place, expected + sent + len(shown))
    row = delays.to_row(place, since, sites[: options.sites])
    cuts = statistics.quantiles(shown, n=100, method="inclusive")
    return {
        "messages/s": sent / seconds,
        **{f"to the row, {name}": value for name, value in row.items()},
        "to the browser, p50 ms": cuts[49],
        "to the browser, p99 ms": cuts[98],
        "to the browser, max ms": max(shown),
    }


def _to_browser(place: Machine, sites: list[int], first: int, seconds: float) -> list[float]:
    """Milliseconds from publishing a message for a site of its own to the event with which it is
    told as stored.

    Each of these sites has several messages a second, and an event may tell of many: the n-th
    message of a site is told when the events of the site have counted n.
    """
    address = place.stack.url.replace("http", "ws", 1) + "/ws/mqtt/status/"
    published: dict[int, deque[float]] = {site: deque() for site in sites}
    found: list[float] = []
    with open_socket(
        address, additional_headers={"Authorization": f"Token {place.stack.token}"}
    ) as browser:
        listener = threading.Thread(target=_listen, args=(browser, published, found))
        listener.start()
        count = _publish(place, published, first, seconds)
        wait_for(lambda: len(found) == count, 10, what="an event for each message")
    listener.join()
    return found


def _publish(place: Machine, published: dict[int, deque[float]], first: int, seconds: float) -> int:
    begun, number = time.monotonic(), 0
    with connect(place.broker.port) as link:
        while (now := time.monotonic()) < begun + seconds:
            turn = number % len(published)
            number += 1
            body = b'{"temperature":21.5,"humidity":40.1,"ts":%d}' % int(time.time() * 1000)
            list(published.values())[turn].append(now)
            link.sendall(packet(b"s%d/probe/telemetry" % (first + turn), number % 65_535 + 1, body))
            link.recv(64)
            time.sleep(max(begun + number * EVERY - time.monotonic(), 0.0))
    return number


def _listen(
    browser: ClientConnection, published: dict[int, deque[float]], found: list[float]
) -> None:
    with contextlib.suppress(ConnectionClosed):
        for text in browser:
            event, now = json.loads(text), time.monotonic()
            if event["type"] == "stored" and event["site_id"] in published:
                waiting = published[event["site_id"]]
                found += [(now - waiting.popleft()) * 1000 for _ in range(event["messages"])]
