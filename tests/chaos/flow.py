"""A steady flow of numbered QoS 1 messages, and what became of each of them."""

import threading
import time
from collections import Counter
from collections.abc import Sequence

from tests.publisher import Publisher
from tests.stack import Stack, wait_for

TOPICS = 8  # of each site
BALANCE = """
SELECT b.received, b.stored + b.duplicate + b.inactive + b.unprocessable + b.failed + b.quarantined + b.kept
    + (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(b.dropped))
FROM mqtt_sitebooks b WHERE b.site_id = ANY(%s)
"""
STORED = """
SELECT value::int FROM mqtt_reading r JOIN mqtt_device d ON d.id = r.device_id WHERE d.site_id = ANY(%s)
"""


class Flow:
    """`with Flow(...) as flow:` publishes {"seq": n} to the sites in turn until the block ends.

    Site n hears the filter `{prefix}/{n}/#` at the broker at `ports[n % len(ports)]`. `rate` is
    messages a second over all sites.
    """

    def __init__(
        self,
        stack: Stack,
        ports: int | Sequence[int],
        prefix: str,
        site_ids: list[int],
        rate: float = 200.0,
    ) -> None:
        self.stack, self.prefix, self.site_ids, self._gap = stack, prefix, site_ids, 1.0 / rate
        self.senders = [Publisher(port) for port in ([ports] if isinstance(ports, int) else ports)]
        self.sent = 0
        self.sent_at: list[float] = []
        self._ending, self._going = threading.Event(), threading.Event()
        self._going.set()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Flow":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._going.set()
        self._thread.join()
        for sender in self.senders:
            sender.close()

    def end(self, seconds: float = 60.0) -> None:
        """Publish no more, and wait until the brokers have acknowledged everything."""
        self._ending.set()
        self._going.set()
        self._thread.join()
        self._until_acknowledged(seconds)

    def pause(self) -> None:
        """Publish nothing until `resume()`; everything so far is acknowledged."""
        self._going.clear()
        time.sleep(2 * self._gap + 0.05)
        self._until_acknowledged(60.0)

    def resume(self) -> None:
        self._going.set()

    def _until_acknowledged(self, seconds: float) -> None:
        wait_for(
            lambda: len(self.acknowledged()) == self.sent,
            seconds,
            what="every PUBACK for the publisher",
        )

    def acknowledged(self) -> set[int]:
        return set().union(*(sender.acknowledged for sender in self.senders))

    def uncertain(self) -> set[int]:
        return set().union(*(sender.uncertain for sender in self.senders))

    def _run(self) -> None:
        next_at = time.monotonic()
        while not self._ending.is_set():
            if not self._going.is_set():
                self._going.wait()
                next_at = time.monotonic()
                continue
            number = self.sent
            place = number % len(self.site_ids)
            topic = f"{self.prefix}/{place}/device{number // len(self.site_ids) % TOPICS}"
            self.sent_at.append(time.time())
            self.senders[place % len(self.senders)].number(topic, number)
            self.sent += 1
            next_at += self._gap
            time.sleep(max(0.0, next_at - time.monotonic()))

    def settle(
        self, seconds: float, at_least: int = 200, except_for: frozenset[int] = frozenset()
    ) -> float:
        """Nothing acknowledged is missing, nothing is twice, the books close. Gives the seconds it
        took.

        `except_for`: numbers that are not to be readings.
        """
        begun = time.monotonic()
        self.end()
        assert self.sent >= at_least, f"only {self.sent} messages were published"
        expected = self.acknowledged() - except_for
        wait_for(
            lambda: not self.missing(expected),
            seconds,
            every=0.3,
            what=f"all of {len(expected)} stored",
        )
        counts = self.stored()
        assert [
            number
            for number, count in counts.items()
            if count > 1 and number not in self.uncertain()
        ] == []
        assert set(counts) == expected
        for received, settled in self.stack.rows(BALANCE, self.site_ids):
            assert received == settled
        return time.monotonic() - begun

    def stored(self) -> Counter[int]:
        return Counter(row[0] for row in self.stack.rows(STORED, self.site_ids))

    def missing(self, expected: set[int]) -> list[int]:
        return sorted(expected - self.stored().keys())[:20]


def sites(
    stack: Stack, port: int | Sequence[int], prefix: str, count: int = 4, **connection: object
) -> list[int]:
    """New sites that are up, each with a part of the flow."""
    ports = [port] if isinstance(port, int) else port
    found = [
        stack.site(
            f"{prefix} {number}",
            ports[number % len(ports)],
            (f"{prefix}/{number}/#",),
            **connection,
        )
        for number in range(count)
    ]
    for site_id in found:
        stack.switch(site_id, "start")
    for site_id in found:
        stack.until(site_id, "connected")
    return found
