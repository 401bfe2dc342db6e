"""A daemon thread that runs one action again and again until it is stopped."""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

AFTER_FAULT = 1.0  # s; an action that fails at once must not keep a processor busy


class PeriodicThread:
    """Runs `action`, then waits `every` seconds, or until `wake`; with `every` None it runs after a
    `wake` only. Wakes within `gather` seconds of the first are one.

    What the action raises is logged, and the thread goes on. After `stop`, `at_end` runs once on
    the thread. A thread that was never started, or lives in the parent of a fork, ends nothing.
    """

    def __init__(
        self,
        name: str,
        action: Callable[[], None],
        *,
        every: float | None,
        gather: float = 0.0,
        at_end: Callable[[], None] | None = None,
    ) -> None:
        self._name = name
        self._action = action
        self._every = every
        self._gather = gather
        self._at_end = at_end
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def start_once(self) -> None:
        """Start it unless it was started. Call it under a lock when several threads may come."""
        if self._thread.ident is None:
            self._thread.start()

    def wake(self) -> None:
        """Run the action soon. From any thread; never blocks."""
        self._woken.set()

    def end_soon(self) -> None:
        """Let the action that runs be the last one. From any thread; never blocks."""
        self._stopping.set()
        self._woken.set()

    def join(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the end; True when the thread has ended."""
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def stop(self, timeout: float) -> bool:
        self.end_soon()
        return self.join(timeout)

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def pause(self, seconds: float) -> None:
        """Wait within the action; over at once when the thread is to end."""
        self._stopping.wait(max(0.0, seconds))

    def _run(self) -> None:
        if self._every is None:
            self._wait()
        while not self._stopping.is_set():
            if not self._ran(self._action):
                self.pause(AFTER_FAULT)
            self._wait()
        if self._at_end is not None:
            self._ran(self._at_end)

    def _wait(self) -> None:
        if self._every == 0.0:
            return
        if self._woken.wait(self._every):
            self.pause(self._gather)
        self._woken.clear()

    def _ran(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except Exception:
            log.exception("The thread %s failed at its work; it goes on", self._name)
            return False
        return True
