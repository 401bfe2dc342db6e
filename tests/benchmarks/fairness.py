"""What a site that floods does to the others: their delay to the committed row, against a time
without the flood.
"""

import argparse
import time

from tests.benchmarks import delays
from tests.benchmarks.machine import Machine, machine
from tests.benchmarks.result import Figures, Result, median
from tests.benchmarks.traffic import Traffic, accounted, add_sites, all_stored, up


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seconds", type=float, default=15.0, help="of one half of a run (default 15)"
    )
    parser.add_argument(
        "--runs", type=int, default=3, help="runs, of which the median counts (default 3)"
    )
    parser.add_argument("--sites", type=int, default=20, help="of which one floods")
    parser.add_argument("--devices", type=int, default=50, help="of each site")
    parser.add_argument(
        "--rate",
        type=float,
        default=190.0,
        help="messages a second of all the others (default 190)",
    )
    parser.add_argument(
        "--flood",
        type=float,
        default=10_000.0,
        help="messages a second of the one (default 10,000)",
    )
    parser.add_argument("--workers", type=int, default=2, help="processes of the task worker")


def run(options: argparse.Namespace) -> Result:
    with machine(postgres_options=delays.POSTGRES_OPTIONS) as place:
        flooder, *others = add_sites(place, options.sites)
        place.stack.worker(concurrency=options.workers)
        place.stack.mqtt()
        up(place, options.sites)
        _others(
            place, options, others, flooder, seconds=6.0, flood=options.flood
        )  # meets every topic and device once
        runs = [_one(place, options, others, flooder) for _ in range(options.runs)]
    return Result(median(runs), runs)


def _one(place: Machine, options: argparse.Namespace, others: list[int], flooder: int) -> Figures:
    quiet = _others(place, options, others, flooder, seconds=options.seconds, flood=0.0)
    flooded = _others(place, options, others, flooder, seconds=options.seconds, flood=options.flood)
    return {
        **{f"others quiet, {name}": value for name, value in quiet.items()},
        **{
            f"others beside the flood, {name}": value
            for name, value in flooded.items()
            if name.endswith("ms")
        },
        "flood, messages/s": flooded["flood"],
        "times the quiet p99": flooded["p99 ms"] / quiet["p99 ms"],
    }


def _others(
    place: Machine,
    options: argparse.Namespace,
    others: list[int],
    flooder: int,
    *,
    seconds: float,
    flood: float,
) -> Figures:
    """Delays of the others while the one publishes `flood` messages a second; returns when all is
    stored.
    """
    since, before = time.time(), accounted(place)
    streams = [Traffic(place, len(others), options.devices, seconds, rate=options.rate, first=1)]
    if flood:
        streams.append(Traffic(place, 1, options.devices, seconds, rate=flood))
    sent = [stream.acknowledged() for stream in streams]
    all_stored(place, before + sum(sent))
    extra = {"flood": sent[1] / seconds} if flood else {}
    return delays.to_row(place, since, others) | extra
