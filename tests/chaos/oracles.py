"""What must hold whatever is broken. Each oracle is written once and used by every scenario.

O1 and O2, that nothing is missing or twice and the books close, are `Flow.settle`; O8, how long the
API takes, is in prober.py.
"""

import contextlib
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

import psutil

from tests.brokers import Mosquitto
from tests.chaos.house import OURS, House, address_of

HISTORY = """
CREATE TABLE IF NOT EXISTS chaos_history (
    id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    connection_id bigint NOT NULL, owner text NOT NULL, generation bigint NOT NULL, assigned text NOT NULL
);
CREATE OR REPLACE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_history (connection_id, owner, generation, assigned)
    VALUES (NEW.id, NEW.owner, NEW.generation, NEW.assigned_instance);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER chaos_note AFTER UPDATE OF owner, generation, assigned_instance ON mqtt_mqttconnection
    FOR EACH ROW WHEN ((OLD.owner, OLD.generation, OLD.assigned_instance)
        IS DISTINCT FROM (NEW.owner, NEW.generation, NEW.assigned_instance)) EXECUTE FUNCTION chaos_note();
"""
CONNECTED = re.compile(
    r"^(\d+): New client connected from ([\d.]+):\d+ as sitewire-(\d+) ", re.MULTILINE
)
THROWN_OUT = re.compile(
    r"^\d+: Client sitewire-(\d+) already connected, closing old connection", re.MULTILINE
)
GAP = """
SELECT max(gap) FROM (
    SELECT extract(epoch FROM r.received_at - lag(r.received_at) OVER (PARTITION BY d.site_id ORDER BY r.received_at))
    AS gap FROM mqtt_reading r JOIN mqtt_device d ON d.id = r.device_id WHERE d.site_id = %s AND r.received_at > %s
) AS gaps
"""
REPEATED = """
SELECT connection_id, level, message, count(*) FROM mqtt_mqttconnectionlog WHERE timestamp > %s
GROUP BY connection_id, level, message, date_trunc('minute', timestamp) HAVING count(*) > 10
"""
SAID = """
SELECT count(*) FROM mqtt_mqttconnectionlog WHERE connection_id = ANY(%s) AND timestamp > %s AND message ILIKE %s
"""
MOST_REPEATS = 10  # of one line in a minute
WARNING_LINE = re.compile(rb"\b(WARNING|ERROR|CRITICAL)\b")
DIGITS = re.compile(rb"\d+")


@dataclass(frozen=True)
class Session:
    """A CONNECT of ours that a broker accepted. `at` in whole seconds, as the broker logs it."""

    at: int
    address: str
    connection_id: int


@dataclass
class Footprint:
    """What our processes hold. `lasting`: Redis keys without an end."""

    memory: int
    descriptors: int
    threads: int
    sessions: int
    lasting: int


@dataclass
class Witness:
    """Looks on from `begin` on. `sites` are those of the scenario, `brokers` all that they use."""

    house: House
    brokers: list[Mosquitto]
    site_ids: list[int]
    begun_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _logs_from: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.begun_at = self.house.db.execute("SELECT clock_timestamp()").fetchall()[0][0]
        self._logs_from = {name: len(self.house.log(name)) for name in self.house.processes}
        self._broker_logs_from = [len(broker.log_text()) for broker in self.brokers]
        self.base, self._descriptors = self.footprint(), self._by_process()
        found = self.house.rows(
            "SELECT id, site_id FROM mqtt_mqttconnection WHERE site_id = ANY(%s)", self.site_ids
        )
        self._connections = dict(found)

    def log_from(self, name: str) -> int:
        """Where the log of a process stood at the beginning."""
        return self._logs_from.get(name, 0)

    # O3, O4: one owner

    def sessions(self) -> list[Session]:
        """Every CONNECT of our connections since the beginning, by the brokers' own logs."""
        found = []
        for text in self._broker_texts():
            for at, address, number in CONNECTED.findall(text):
                if int(number) in self._connections and address.startswith(OURS):
                    found.append(Session(int(at), address, int(number)))
        return found

    def thrown_out(self) -> int:
        """Sessions that a broker ended because another one of the same client began."""
        texts = "\n".join(self._broker_texts())
        return sum(int(number) in self._connections for number in THROWN_OUT.findall(texts))

    def one_owner(self) -> None:
        """Who connects is the owner by the database at that moment, and generations only grow in
        commit order.
        """
        owners = self._owners()
        for session in self.sessions():
            at_that_time = {
                owner
                for since, until, owner in owners[session.connection_id]
                if since < session.at + 2 and until > session.at - 1
            }
            addresses = {address_of(owner) for owner in at_that_time if owner}
            assert session.address in addresses, f"{session} while {at_that_time} owned it"
        rows = self.house.rows("SELECT connection_id, generation FROM chaos_history ORDER BY id")
        by_connection = defaultdict(list)
        for connection_id, generation in rows:
            by_connection[connection_id].append(generation)
        for connection_id, generations in by_connection.items():
            backwards = [(a, b) for a, b in pairwise(generations) if b < a]
            assert not backwards, f"connection {connection_id} went back: {backwards}"

    def moves(self) -> dict[int, int]:
        """How often each connection got a new owner that is not its last one."""
        counts = dict.fromkeys(self._connections, 0)
        for connection_id, spans in self._owners().items():
            owners = [
                owner for _, until, owner in spans if owner and until > self.begun_at.timestamp()
            ]
            counts[connection_id] = sum(a != b for a, b in pairwise(owners))
        return counts

    def moved(self) -> set[int]:
        """The sites whose connection got another owner."""
        return {self._connections[number] for number, count in self.moves().items() if count}

    def _owners(self) -> dict[int, list[tuple[float, float, str]]]:
        """By connection: (since, until, owner) in unix seconds."""
        rows = self.house.rows(
            "SELECT connection_id, extract(epoch FROM at)::float, owner FROM chaos_history"
            " WHERE connection_id = ANY(%s) ORDER BY id",
            list(self._connections),
        )
        changes = defaultdict(list)
        for connection_id, at, owner in rows:
            changes[connection_id].append((at, owner))
        return {
            number: [(a[0], b[0], a[1]) for a, b in pairwise([*steps, (float("inf"), "")])]
            for number, steps in changes.items()
        }

    # O5: how long nothing came

    def gaps(self) -> list[float]:
        """Seconds of the longest silence in the stored rows of each site, sorted."""
        found = [self.house.one(GAP, site_id, self.begun_at) for site_id in self.site_ids]
        return sorted(float(gap or 0.0) for gap in found)

    # O6: what is left behind

    def footprint(self) -> Footprint:
        ours = [
            psutil.Process(process.pid)
            for process in self.house.processes.values()
            if process.poll() is None
        ]
        sizes = [size for root in ours for size in _sizes(root)]
        redis = self.house.redis
        return Footprint(
            memory=sum(size.memory for size in sizes) // 2**20,
            descriptors=sum(size.descriptors for size in sizes),
            threads=sum(size.threads for size in sizes),
            sessions=int(
                self.house.one(
                    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                )
            ),
            lasting=sum(redis.ttl(key) == -1 for key in redis.scan_iter(count=1_000)),
        )

    def nothing_left(self, seconds: float = 60.0) -> None:
        """Back to what it was before the fault, within what a pool may keep."""
        base = self.base

        def over() -> dict[str, tuple[int, int]]:
            now = self.footprint()
            limits = {
                "memory": base.memory + 150,
                "descriptors": base.descriptors + 60,
                "threads": base.threads + 40,
                "sessions": base.sessions + 25,
                "lasting": base.lasting + 10,
            }
            return {
                name: (getattr(now, name), most)
                for name, most in limits.items()
                if getattr(now, name) > most
            }

        deadline = time.monotonic() + seconds
        while over() and time.monotonic() < deadline:
            time.sleep(1.0)
        assert not over(), (
            f"(now, limit): {over()}; descriptors were {self._descriptors}, are {self._by_process()}"
        )

    def _by_process(self) -> dict[str, int]:
        """Open descriptors of each of our processes, with its children."""
        found = {}
        for name, process in self.house.processes.items():
            root = psutil.Process(process.pid)
            found[name] = sum(
                process.num_fds() for process in (root, *root.children(recursive=True))
            )
        return found

    # O7: what was said

    def said(self, words: str) -> bool:
        """A row of the connection log of these sites since the beginning holds these words."""
        return bool(self.house.one(SAID, list(self._connections), self.begun_at, f"%{words}%"))

    def no_flood(self) -> None:
        """No line more than ten times a minute, neither in the log table nor in a process's log."""
        assert self.house.rows(REPEATED, self.begun_at) == []
        for name in self.house.processes:
            lines = self.house.log(name)[self.log_from(name) :].splitlines()
            worst = _most_repeated(line for line in lines if WARNING_LINE.search(line))
            minutes = max(1.0, (datetime.now(UTC) - self.begun_at).total_seconds() / 60)
            assert worst[1] <= MOST_REPEATS * (minutes + 1), (
                f"{name} said {worst[1]} times: {worst[0]!r}"
            )

    def _broker_texts(self) -> Iterable[str]:
        for broker, start in zip(self.brokers, self._broker_logs_from, strict=True):
            yield broker.log_text()[start:]


def _most_repeated(lines: Iterable[bytes]) -> tuple[bytes, int]:
    counts: defaultdict[bytes, int] = defaultdict(int)
    for line in lines:
        counts[DIGITS.sub(b"#", line)] += 1
    return max(counts.items(), key=lambda item: item[1], default=(b"", 0))


class ProcessSize(NamedTuple):
    """`memory` in bytes."""

    memory: int
    descriptors: int
    threads: int


def _sizes(root: psutil.Process) -> Iterator[ProcessSize]:
    """Of a process and its children. One that ends while it is looked at has no size."""
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            yield ProcessSize(process.memory_info().rss, process.num_fds(), process.num_threads())
