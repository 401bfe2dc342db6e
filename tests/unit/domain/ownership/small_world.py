"""What the ownership machine is made of: rows, workers, and the troubles that they may have."""

from dataclasses import dataclass, field

import hypothesis.strategies as st

from mqtt_app.conf import Config

KNOBS = Config()
STEP = 0.5  # s
NAMES = ("a", "b", "c")
CAPACITY = 6
MOST = 12  # connections: two workers have room for all of them
SETTLING = 900.0  # s until everything must have come to rest: one in ten moves a cycle
KINDS = (
    "death",
    "sleep",
    "drain",
    "cut_from_redis",
    "cut_from_database",
    "cut_off",
    "redis_down",
    "redis_wiped",
    "beat_dead",
    "beat_twice",
)
TROUBLE = st.tuples(
    st.sampled_from(KINDS),
    st.sampled_from(NAMES),
    st.sampled_from((0.0, 1.0, 4.0, 13.0, 33.0)),
    st.sampled_from((1.0, 6.0, 11.0, 14.0, 17.0, 40.0, 65.0)),
)
"""What, where (where it matters), after how many seconds, and for how many."""


@dataclass
class Stored:
    """A row of mqtt_mqttconnection."""

    wanted: bool = True
    owner: str = ""
    assigned: str = ""
    generation: int = 0
    assigned_at: float = float("-inf")


@dataclass
class Worker:
    name: str
    alive: bool = True
    awake: bool = True
    draining: bool = False
    redis: bool = True  # reaches it
    database: bool = True
    started_at: float = 0.0
    incarnation: int = 0
    good_until: float = float("-inf")
    leased: bool = False
    looked: bool = True  # at the rows, since its lease was last in doubt; it does not act before
    looked_at: float = float("-inf")
    next_renewal: float = 0.0
    next_scan: float = 0.0
    held: dict[int, int] = field(default_factory=dict)  # connection -> generation
