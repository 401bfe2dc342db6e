"""What two parsers make of the same messages, compared. Pure."""

from collections.abc import Iterable

import msgspec

SHOWN = 50  # samples that are given with their readings; all are counted
MAX_ERRORS = 20  # kinds that are listed

Value = float | bool | str


class SampleReading(msgspec.Struct, frozen=True):
    """`time`: what the message says, unix seconds; None for the time of receipt."""

    device: str
    metric: str
    value: Value
    unit: str
    time: float | None


class ParserOutcome(msgspec.Struct, frozen=True):
    """What one parser makes of a message. `parser` "": none reads it. `problems`: fields that it
    left out. `error`: why it made nothing of it.
    """

    parser: str
    readings: tuple[SampleReading, ...] = ()
    problems: tuple[str, ...] = ()
    error: str = ""


class ComparedSample(msgspec.Struct, frozen=True, kw_only=True):
    """`received_at` is unix seconds."""

    id: int
    topic: str
    received_at: float
    mapping: ParserOutcome
    present: ParserOutcome


class ParserCounts(msgspec.Struct):
    """`read`: samples that gave readings."""

    read: int = 0
    failed: int = 0
    readings: int = 0

    def add(self, outcome: ParserOutcome) -> None:
        self.readings += len(outcome.readings)
        self.read += bool(outcome.readings)
        self.failed += bool(outcome.error)


class ReadingDifference(msgspec.Struct):
    """Readings by device, metric and time: of both with the same value, of one alone, of both with
    another value.
    """

    equal: int = 0
    only_present: int = 0
    only_mapping: int = 0
    changed: int = 0

    def add(self, mapped: Iterable[SampleReading], present: Iterable[SampleReading]) -> None:
        new = {(one.device, one.metric, one.time): one.value for one in mapped}
        old = {(one.device, one.metric, one.time): one.value for one in present}
        both = new.keys() & old.keys()
        same = sum(new[key] == old[key] for key in both)
        self.equal += same
        self.changed += len(both) - same
        self.only_mapping += len(new) - len(both)
        self.only_present += len(old) - len(both)


class MappingTrial(msgspec.Struct):
    """`samples` were tried; `cut` were left out because only their beginning is kept, `more`
    because the trial took too long. `failures`: the mapping's, by their words.
    """

    samples: int = 0
    cut: int = 0
    more: int = 0
    failures: dict[str, int] = {}
    mapping: ParserCounts = msgspec.field(default_factory=ParserCounts)
    present: ParserCounts = msgspec.field(default_factory=ParserCounts)
    difference: ReadingDifference = msgspec.field(default_factory=ReadingDifference)
    shown: list[ComparedSample] = []

    def add(self, sample: ComparedSample) -> None:
        self.samples += 1
        self.mapping.add(sample.mapping)
        self.present.add(sample.present)
        self.difference.add(sample.mapping.readings, sample.present.readings)
        error = sample.mapping.error
        if error and (error in self.failures or len(self.failures) < MAX_ERRORS):
            self.failures[error] = self.failures.get(error, 0) + 1
        if len(self.shown) < SHOWN:
            self.shown.append(sample)
