"""What a benchmark gives back: the figures of the table, and those of each run they are the median
of.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Result:
    figures: Figures
    runs: list[Figures] = field(default_factory=list)
    remarks: tuple[str, ...] = ()


def median(runs: Sequence[Figures]) -> Figures:
    """Of each figure by itself."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}
