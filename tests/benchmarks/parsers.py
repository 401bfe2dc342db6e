"""Microseconds that each parser takes for a message of its cases, next to json.loads on the payload."""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from mqtt_app.domain.facts import ParseError, Remembered
from mqtt_app.parsers.base import Message, Parser
from mqtt_app.parsers.built_in import built_ins
from mqtt_app.parsers.registry import run as run_guarded
from tests.benchmarks.result import Figures, Result, median
from tests.unit.parsers.test_cases import CASES, ROOT, payload_of

LONGEST = 20_000  # bytes of a payload; larger cases are made to be refused
ENOUGH = 0.002  # s that a loop has to take, so that the clock is exact


class Sample(msgspec.Struct, frozen=True):
    """A message of a case that the parser makes facts of."""

    parser: Parser
    message: Message


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=int, default=5, help="the figures are their medians")
    parser.add_argument("--parser", default="", help="only this one")


def run(options: argparse.Namespace) -> Result:
    parsers = [item for item in built_ins() if options.parser in ("", item.name)]
    samples = {parser.name: list(samples_of(parser)) for parser in parsers}
    runs = [figures(samples) for _ in range(options.runs)]
    remarks = (
        "us of CPU per message, guarded as in the ingest: the median over the cases of the format that "
        "give facts. json.loads: on those of their payloads that are JSON.",
    )
    return Result(median(runs), runs, remarks)


def figures(samples: dict[str, list[Sample]]) -> Figures:
    found: Figures = {}
    for name, known in samples.items():
        if not known:
            continue
        parsed = [microseconds(parsing(sample)) for sample in known]
        found[name] = statistics.median(parsed)
        loaded = [microseconds(loading(sample)) for sample in known if is_json(sample)]
        if loaded:
            found[f"{name}: json.loads"] = statistics.median(loaded)
    return found


def samples_of(parser: Parser) -> Iterator[Sample]:
    for case in CASES:
        if case.parts[0] != parser.name:
            continue
        given = json.loads((ROOT / case / "message.json").read_text())
        message = last_message(parser, given if isinstance(given, list) else [given])
        if message is not None:
            yield Sample(parser, message)


def last_message(parser: Parser, given: list[dict[str, Any]]) -> Message | None:
    """With what the messages before it left in the parser's memory; None when it gives no facts."""
    memory: dict[str, bytes] = {}
    message = None
    for entry in given:
        payload = payload_of(entry)
        if len(payload) > LONGEST:
            return None
        message = Message(
            entry["topic"],
            payload,
            entry.get("received_at", 1_700_000_000.0),
            entry.get("retain", False),
            entry.get("time_zone", ""),
            dict(memory),
        )
        try:
            facts = run_guarded(parser, message)
        except ParseError:
            return None
        remembered = [fact for fact in facts if isinstance(fact, Remembered)]
        memory |= {fact.key: fact.value for fact in remembered if fact.value is not None}
        message = message if facts else None
    return message


def microseconds(work: Callable[[], object]) -> float:
    """CPU time of one call, from as many as take `ENOUGH`: other programs do not count."""
    times = 1
    while True:
        begun = time.process_time()
        for _ in range(times):
            work()
        taken = time.process_time() - begun
        if taken >= ENOUGH:
            return taken / times * 1e6
        times *= 4


def parsing(sample: Sample) -> Callable[[], object]:
    return lambda: run_guarded(sample.parser, sample.message)


def loading(sample: Sample) -> Callable[[], object]:
    return lambda: json.loads(sample.message.payload)


def is_json(sample: Sample) -> bool:
    try:
        json.loads(sample.message.payload)
    except ValueError:
        return False
    return True
