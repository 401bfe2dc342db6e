"""From the broker to committed rows: messages a second, and what one costs each process.

The message is `{"temperature": 21.5, "humidity": 40.1, "ts": ...}`: two readings. Beside it, in the
same run, the naive design of `naive.py`.
"""

import argparse
import time

from tests.benchmarks import naive
from tests.benchmarks.machine import Machine, machine
from tests.benchmarks.result import Figures, Result, median
from tests.benchmarks.traffic import Traffic, add_sites, up
from tests.stack import wait_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=20.0, help="of one run (default 20)")
    parser.add_argument(
        "--runs", type=int, default=3, help="runs, of which the median counts (default 3)"
    )
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--devices", type=int, default=50, help="of each site")
    parser.add_argument("--mqtt", choices=("5", "3.1.1"), default="5")
    parser.add_argument(
        "--rate", type=float, default=0.0, help="messages a second; 0 for as many as are stored"
    )
    parser.add_argument(
        "--backlog", type=int, default=20_000, help="messages published ahead of the rows"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes of the task worker")
    parser.add_argument("--no-naive", action="store_true")


def run(options: argparse.Namespace) -> Result:
    with machine() as place:
        add_sites(place, options.sites, options.mqtt)
        place.stack.worker(concurrency=options.workers)
        place.stack.mqtt()
        up(place, options.sites)
        _one(place, options, seconds=3.0)  # meets every topic and device once
        runs = [_one(place, options, options.seconds) for _ in range(options.runs)]
        figures = median(runs)
        if not options.no_naive:
            place.stack.kill("mqtt-1", 15)
            place.stack.kill("worker", 15)
            figures["naive messages/s"] = naive.measure(place, options.sites, options.devices)
            figures["times the naive design"] = figures["messages/s"] / figures["naive messages/s"]
    return Result(figures, runs)


def _one(place: Machine, options: argparse.Namespace, seconds: float) -> Figures:
    before_rows, before_cpu = _stored(place), place.cpu()
    traffic = Traffic(
        place, options.sites, options.devices, seconds, rate=options.rate, backlog=options.backlog
    )
    sent = traffic.acknowledged()
    wait_for(
        lambda: _stored(place)[0] - before_rows[0] >= sent,
        120,
        what="every acknowledged message accounted for",
    )
    took = time.monotonic() - traffic.begun
    messages, readings = (
        after - before for after, before in zip(_stored(place), before_rows, strict=True)
    )
    cost = {
        name: (spent - before_cpu.get(name, 0.0)) / messages * 1e6
        for name, spent in place.cpu().items()
    }
    cost["generator"] = traffic.cpu / messages * 1e6
    return {
        "messages/s": messages / took,
        "readings/s": readings / took,
        **{f"{name}, CPU us per message": round(value, 1) for name, value in sorted(cost.items())},
        "lost": float(sent - messages),
    }


def _stored(place: Machine) -> tuple[int, int]:
    """(messages, readings) in the books."""
    found = place.stack.rows(
        "SELECT coalesce(sum(stored), 0), coalesce(sum(readings), 0) FROM mqtt_sitebooks"
    )
    return int(found[0][0]), int(found[0][1])
