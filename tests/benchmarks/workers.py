"""What a second task worker gives where there are cores for it: messages a second with one, and
with two.

This machine has no free cores, so each task worker is given a small share of one: it runs for a
moment, then it is stopped for several. Everything else has room then, as on a machine with many
cores, and what two workers keep each other from shows: locks on the same rows, and a queue that
serves one of them only. A stopped worker keeps its locks, so the figure is rather too low.
"""

import argparse
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence

import psutil

from tests.benchmarks.machine import Machine, machine
from tests.benchmarks.result import Figures, Result, median
from tests.benchmarks.traffic import Traffic, accounted, add_sites, all_stored, up

TURN = 0.04  # s; a worker runs for its share of each


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seconds", type=float, default=15.0, help="of one half of a run (default 15)"
    )
    parser.add_argument(
        "--runs", type=int, default=3, help="runs, of which the median counts (default 3)"
    )
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--devices", type=int, default=50, help="of each site")
    parser.add_argument(
        "--share", type=float, default=0.1, help="of a core for each task worker (default 0.1)"
    )


def run(options: argparse.Namespace) -> Result:
    with machine() as place:
        add_sites(place, options.sites)
        place.stack.worker("worker", concurrency=1)
        place.stack.mqtt()
        up(place, options.sites)
        _measure(place, options, 3.0)  # meets every topic and device once
        runs = [_one(place, options) for _ in range(options.runs)]
    return Result(median(runs), runs)


def _one(place: Machine, options: argparse.Namespace) -> Figures:
    with _throttled([place.stack.processes["worker"].pid], options.share):
        alone = _measure(place, options, options.seconds)
    place.stack.worker("second", concurrency=1)
    _measure(place, options, 2.0)  # meets every topic and device once, too
    with _throttled(
        [place.stack.processes[name].pid for name in ("worker", "second")], options.share
    ):
        both = _measure(place, options, options.seconds)
    place.stack.kill("second", signal.SIGTERM)
    return {"one, messages/s": alone, "two, messages/s": both, "times": both / alone}


def _measure(place: Machine, options: argparse.Namespace, seconds: float) -> float:
    before = accounted(place)
    traffic = Traffic(place, options.sites, options.devices, seconds, rate=0.0)
    sent = traffic.acknowledged()
    all_stored(place, before + sent)
    return sent / (time.monotonic() - traffic.begun)


@contextlib.contextmanager
def _throttled(parents: Sequence[int], share: float) -> Iterator[None]:
    """The processes of these task workers run for `share` of the time, each pair of halves one
    after the other.
    """
    over = threading.Event()
    children = [[child.pid for child in psutil.Process(pid).children()] for pid in parents]
    threads = [
        threading.Thread(target=_hold, args=(pids, share, over, place * TURN / len(children)))
        for place, pids in enumerate(children)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _hold(pids: Sequence[int], share: float, over: threading.Event, shift: float) -> None:
    over.wait(shift)
    while not over.is_set():
        _signal(pids, signal.SIGSTOP)
        over.wait(TURN * (1 - share))
        _signal(pids, signal.SIGCONT)
        over.wait(TURN * share)
    _signal(pids, signal.SIGCONT)


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
