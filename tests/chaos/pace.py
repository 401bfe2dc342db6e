"""The same scenario at two paces: production constants, and all of them divided by five (and
outages by ten).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.stack import QUICK

SHORT_CONSTANTS = QUICK | {
    "SITEWIRE_RECONCILE_INTERVAL": "6",
    "SITEWIRE_OFFLINE_CHECK_INTERVAL": "6",
    "SITEWIRE_REBALANCE_AFTER": "6",
    "SITEWIRE_BACKOFF_STABLE": "12",
    "SITEWIRE_BACKOFF_CAP": "12",
}


@dataclass(frozen=True)
class Pace:
    """`outage` and `factor` of the seconds that scenarios are written in, for what is broken how
    long and for what has to follow; `slack`: seconds that do not shrink, because they are a
    machine's and not a constant's.
    """

    name: str
    outage: float
    factor: float
    slack: float
    workers: int
    connections: int
    brokers: int
    keepalive: int
    at_least: int  # messages that a scenario must have published
    constants: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, seconds: float) -> float:
        return seconds * self.outage

    def bound(self, seconds: float) -> float:
        return seconds * self.factor + self.slack


SHORT = Pace("short", 1 / 10, 1 / 5, 3.0, 3, 6, 2, 5, 200, SHORT_CONSTANTS)
LONG = Pace("long", 1.0, 1.0, 0.0, 3, 20, 4, 20, 1_000)
