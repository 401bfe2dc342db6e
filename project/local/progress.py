"""Telling people what is going on: a line that moves on a terminal, plain lines in a file. Standard
library only.
"""

import sys
import threading
import time
from types import TracebackType

EVERY = 0.5  # s, on a terminal
PLAIN_EVERY = 10.0  # s, elsewhere


def say(text: str = "") -> None:
    """A reader that has gone away (`up | head`) must not stop anything."""
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115  for the rest of the process


class Line:
    """`with Line("Installing") as line: line.step(...)`. Time goes on in it even while nothing is
    reported.
    """

    def __init__(self, title: str) -> None:
        self._title, self._started, self._detail = title, time.monotonic(), ""
        self._moving = sys.stdout.isatty()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> "Line":
        if not self._moving:
            say(f"{self._title} ...")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._finish()

    def step(self, output: str) -> None:
        """One line of an installer's output; only the package's name in it is shown."""
        words = output.split()
        if len(words) > 1 and words[0] in {
            "Collecting",
            "Downloading",
            "Installing",
            "Building",
            "Using",
            "Prepared",
            "Resolved",
        }:
            self._detail = " ".join(words[:2])[:40]

    def end(self, text: str) -> None:
        self._finish()
        say(text)

    def _finish(self) -> None:
        if not self._done.is_set():
            self._done.set()
            self._thread.join()
            if self._moving:
                print("\r\033[K", end="", flush=True)

    def _tick(self) -> None:
        while not self._done.wait(EVERY if self._moving else PLAIN_EVERY):
            seconds = time.monotonic() - self._started
            text = f"{self._title} ... {seconds:.0f} s  {self._detail}"
            print(
                f"\r\033[K{text}" if self._moving else text,
                end="" if self._moving else "\n",
                flush=True,
            )
