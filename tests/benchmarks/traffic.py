"""Sites that listen to one broker, and messages for them from a process of its own."""

import json
import subprocess
import sys

from tests.benchmarks.machine import Machine
from tests.stack import ROOT, wait_for


def add_sites(place: Machine, count: int, mqtt: str = "auto") -> list[int]:
    """Site n hears `s{n}/#`; all of them are wanted. Gives their ids."""
    sites = []
    for number in range(count):
        site = place.stack.site(
            f"site {number}", place.broker.port, (f"s{number}/#",), protocol_version=mqtt
        )
        place.stack.switch(site, "start")
        sites.append(site)
    return sites


def up(place: Machine, count: int, seconds: float = 60.0) -> None:
    wanted = "SELECT count(*) FROM mqtt_mqttconnection WHERE status = 'connected'"
    wait_for(lambda: place.stack.one(wanted) == count, seconds, what=f"{count} links")


class Traffic:
    """Messages for sites `first` to `first + sites - 1`, from now on and for so many seconds."""

    def __init__(
        self,
        place: Machine,
        sites: int,
        devices: int,
        seconds: float,
        *,
        rate: float,
        first: int = 0,
        backlog: int = 20_000,
    ) -> None:
        numbers = (
            place.broker.port,
            first,
            sites,
            devices,
            seconds,
            rate,
            backlog,
            place.stack.database_url,
        )
        command = [sys.executable, "-m", "tests.benchmarks.generator", *map(str, numbers)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._patience = seconds + 60
        self.begun = 0.0  # of the monotonic clock
        self.cpu = 0.0  # s

    def acknowledged(self) -> int:
        """Waits for its end; the number of messages that the broker acknowledged. Sets `begun` and
        `cpu`.
        """
        try:
            said, _ = self._process.communicate(timeout=self._patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        assert self._process.returncode == 0, "the generator failed"
        self.begun, count, self.cpu = json.loads(said)
        return int(count)


def all_stored(place: Machine, expected: int, seconds: float = 120.0) -> None:
    """Until the books hold so many messages."""
    wait_for(
        lambda: accounted(place) >= expected, seconds, what=f"{expected} messages accounted for"
    )


def accounted(place: Machine) -> int:
    return int(place.stack.one("SELECT coalesce(sum(received), 0) FROM mqtt_sitebooks"))
