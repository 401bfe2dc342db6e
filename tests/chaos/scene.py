"""What every scenario needs: sites that are up, messages that flow, and a witness."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.brokers import Mosquitto
from tests.chaos.flow import Flow, sites
from tests.chaos.house import House
from tests.chaos.oracles import Witness
from tests.chaos.pace import Pace
from tests.chaos.prober import p99
from tests.chaos.proxy import FaultProxy
from tests.stack import wait_for

RATE = 200.0  # messages a second
OWNERS = "SELECT site_id, owner FROM mqtt_mqttconnection WHERE site_id = ANY(%s)"
STORED_AT = """
SELECT value::int, extract(epoch FROM pg_xact_commit_timestamp(r.xmin))::float
FROM mqtt_reading r JOIN mqtt_device d ON d.id = r.device_id WHERE d.site_id = ANY(%s)
"""
UP = """
SELECT count(*) FROM mqtt_mqttconnection WHERE site_id = ANY(%s) AND status = 'connected' AND owner = ANY(%s)
"""


class Scene:
    def __init__(
        self, house: House, pace: Pace, brokers: list[Mosquitto], site_ids: list[int], flow: Flow
    ) -> None:
        self.house, self.pace, self.brokers, self.site_ids, self.flow = (
            house,
            pace,
            brokers,
            site_ids,
            flow,
        )
        self.proxies: list[FaultProxy] = []
        self.witness = Witness(house, brokers, site_ids)

    def last(self, seconds: float) -> None:
        """Let it go on for so many seconds of production time."""
        time.sleep(self.pace(seconds))

    def owners(self) -> dict[int, str]:
        return dict(self.house.rows(OWNERS, self.site_ids))

    def busiest(self) -> str:
        return Counter(self.owners().values()).most_common(1)[0][0]

    def of(self, instance: str) -> list[int]:
        return [site_id for site_id, owner in self.owners().items() if owner == instance]

    def up(self, *owners: str) -> int:
        """How many of the sites are connected, by the rows, in the hands of these (any) workers."""
        return int(self.house.one(UP, self.site_ids, list(owners or self.house.instances)))

    def until_up(self, *owners: str, seconds: float = 60.0) -> float:
        """Seconds until all sites are connected in the hands of these (any) workers."""
        begun = time.monotonic()
        wait_for(
            lambda: self.up(*owners) == len(self.site_ids),
            seconds,
            what=f"all up; owners {self.owners()}",
        )
        return time.monotonic() - begun

    def signal(self, instance: str, number: signal.Signals) -> None:
        """To the process and its children."""
        os.killpg(self.house.processes[instance].pid, number)

    def latencies(self, since: float = 0.0) -> float:
        """p99 of the seconds from publish to commit, of the messages published since (unix
        seconds).
        """
        rows = self.house.rows(STORED_AT, self.site_ids)
        sent_at = self.flow.sent_at
        return p99([at - sent_at[number] for number, at in rows if sent_at[number] >= since])

    def headline(self, site_id: int) -> str:
        return str(self.house.get(f"sites/{site_id}/status/")["headline"])

    def settle(self, seconds: float) -> float:
        """The oracles of every scenario. Gives the seconds until the last message was stored."""
        wait_for(lambda: self.flow.sent >= self.pace.at_least, 60, what="enough messages published")
        took = self.flow.settle(max(30.0, self.pace.bound(seconds)), self.pace.at_least)
        self.witness.one_owner()
        self.witness.no_flood()
        self.witness.nothing_left()
        return took


@contextmanager
def scene(
    house: House,
    pace: Pace,
    brokers: list[Mosquitto],
    prefix: str,
    *,
    behind_proxies: bool = False,
    count: int = 0,
    rate: float = RATE,
    **connection: Any,
) -> Iterator[Scene]:
    with ExitStack() as opened:
        ports: Sequence[int] = [broker.port for broker in brokers]
        proxies = []
        if behind_proxies:
            proxies = [opened.enter_context(FaultProxy(port, records=True)) for port in ports]
        hears = [proxy.port for proxy in proxies] or ports
        site_ids = sites(
            house, hears, prefix, count or pace.connections, keepalive=pace.keepalive, **connection
        )
        flow = Flow(house, ports, prefix, site_ids, rate)
        found = Scene(house, pace, brokers, site_ids, flow)
        found.proxies = proxies
        opened.enter_context(flow)
        found.last(2.0)
        yield found
