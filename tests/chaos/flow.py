"""A steady flow of numbered QoS 1 messages, and the oracles that judge what became of it."""

import threading
import time
from collections import Counter

from tests.publisher import Publisher
from tests.stack import Stack, wait_for

TOPICS = 8  # of each site
BALANCE = """
SELECT b.received, b.stored + b.duplicate + b.inactive + b.unprocessable + b.failed + b.quarantined
    + (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(b.dropped))
FROM mqtt_sitebooks b WHERE b.site_id = ANY(%s)
"""
STORED = """
SELECT value::int FROM mqtt_reading r JOIN mqtt_device d ON d.id = r.device_id WHERE d.site_id = ANY(%s)
"""


class Flow:
    """`with Flow(...) as flow:` publishes {"seq": n} to the sites in turn until the block ends.

    Site n hears the filter `{prefix}/{n}/#`. `rate` is messages a second over all sites.
    """

    def __init__(self, stack: Stack, port: int, prefix: str, site_ids: list[int], rate: float = 200.0) -> None:
        self.stack, self.prefix, self.site_ids, self._gap = stack, prefix, site_ids, 1.0 / rate
        self.sender = Publisher(port)
        self.sent = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Flow":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self.sender.close()

    def end(self) -> None:
        """Publish no more, and wait until the broker has acknowledged everything."""
        self._ending.set()
        self._thread.join()
        wait_for(lambda: len(self.sender.acknowledged) == self.sent, 30, what="every PUBACK for the publisher")

    def _run(self) -> None:
        next_at = time.monotonic()
        while not self._ending.is_set():
            number = self.sent
            topic = f"{self.prefix}/{number % len(self.site_ids)}/device{number // len(self.site_ids) % TOPICS}"
            self.sender.number(topic, number)
            self.sent += 1
            next_at += self._gap
            time.sleep(max(0.0, next_at - time.monotonic()))

    # Oracles

    def settle(self, seconds: float, at_least: int = 200, except_for: frozenset[int] = frozenset()) -> float:
        """Nothing acknowledged is missing, nothing is twice, the books close. Gives the seconds it took.

        `except_for`: numbers that are not to be readings.
        """
        begun = time.monotonic()
        self.end()
        assert self.sent >= at_least, f"only {self.sent} messages were published"
        expected = set(range(self.sent)) - except_for
        wait_for(lambda: expected <= self._stored().keys(), seconds, every=0.3, what=self._missing(expected))
        counts = self._stored()
        assert [number for number, count in counts.items() if count > 1] == []
        assert set(counts) == expected
        for received, settled in self.stack.rows(BALANCE, self.site_ids):
            assert received == settled
        return time.monotonic() - begun

    def _stored(self) -> Counter[int]:
        return Counter(row[0] for row in self.stack.rows(STORED, self.site_ids))

    def _missing(self, expected: set[int]) -> str:
        return f"every one of {len(expected)} acknowledged messages stored"


def sites(stack: Stack, port: int, prefix: str, count: int = 4) -> list[int]:
    """New sites that are up, each with a part of the flow."""
    found = [stack.site(f"{prefix} {number}", port, (f"{prefix}/{number}/#",)) for number in range(count)]
    for site_id in found:
        stack.switch(site_id, "start")
    for site_id in found:
        stack.until(site_id, "connected")
    return found
