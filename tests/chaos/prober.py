"""O8: how long the API takes while things are broken."""

import statistics
import threading
import time
from datetime import UTC, datetime

from tests.chaos.house import House


class Prober:
    """Asks for the list of sites and starts and stops one site, twice a second, and notes how long
    it took.

    A site of its own, so that its changes are no part of the scenario.
    """

    def __init__(self, house: House, port: int) -> None:
        self._house = house
        self._site = house.site(f"asked from {datetime.now(UTC):%T.%f} on", port, ("nothing/#",))
        self.starts: list[float] = []
        self.lists: list[float] = []
        self.failures: list[str] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Prober":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        to = "start"
        while not self._ending.wait(0.5):
            self.starts.append(self._timed("POST", f"sites/{self._site}/{to}/", {200, 202}))
            self.lists.append(self._timed("GET", "sites/", {200}))
            to = "stop" if to == "start" else "start"

    def _timed(self, method: str, path: str, wanted: set[int]) -> float:
        begun = time.monotonic()
        try:
            code = self._house.call(method, path).status_code
            if code not in wanted:
                self.failures.append(f"{method} {path}: {code}")
        except OSError as error:
            self.failures.append(f"{method} {path}: {error!r}")
        return time.monotonic() - begun


def p99(seconds: list[float]) -> float:
    return (
        statistics.quantiles(seconds, n=100)[98] if len(seconds) > 1 else max(seconds, default=0.0)
    )
