"""Keeps services running, and ends them in order.

One thread, one loop: every child is started by the main thread (Linux ties a child's death to the
thread that started it) and watched by polling.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from project.local.processes import backoff
from project.local.processes.waiting import wait_until
from project.local.progress import say
from project.local.refusal import Refusal

READY_WITHIN = 90.0  # s; a cold disk and two cores
HURRY = 0.5  # s of grace left for everybody once somebody asked twice


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    kind: str
    where: str  # for the table
    start: Callable[[], subprocess.Popen[bytes]]
    ready: Callable[[], bool]
    why_not: Callable[[], str]  # the last words of its log
    stage: int  # services of the lowest stage are stopped first
    grace: float  # s between the signal and the kill
    stop_signal: signal.Signals = signal.SIGTERM
    after_death: Callable[[int], None] = lambda _pid: None  # is told the dead process id


@dataclass(slots=True)
class _Running:
    service: Service
    process: subprocess.Popen[bytes]
    began: float
    ready_after: float | None = None  # s
    deaths: list[float] = field(default_factory=list)
    due: float | None = None  # of the next start; None while it runs


class ProcessSupervisor:
    def __init__(
        self,
        record: Callable[[str, int], None],
        check: Callable[[], None],
        hurried: Callable[[], bool],
    ) -> None:
        """`record(name, pid)` hears of every start; `check()` raises to end a start-up;
        `hurried()`: asked twice.
        """
        self._record, self._check, self._hurried = record, check, hurried
        self._running: list[_Running] = []

    def start(self, services: Iterable[Service]) -> None:
        for service in services:
            self._check()
            self._running.append(_Running(service, self._spawn(service), time.monotonic()))

    def wait_ready(self) -> None:
        """Refusal with the last words of the first one that dies or does not answer."""
        if not wait_until(self._all_ready, READY_WITHIN, self._check):
            late = next(running.service for running in self._running if running.ready_after is None)
            raise Refusal(
                f"{late.name} did not answer within {READY_WITHIN:.0f} s. {late.why_not()}"
            )

    def seconds(self) -> dict[str, float]:
        return {running.service.name: running.ready_after or 0.0 for running in self._running}

    def processes(self) -> list[dict[str, object]]:
        return [
            {"name": running.service.name, "kind": running.service.kind, "pid": running.process.pid}
            for running in self._running
        ]

    def tick(self) -> bool:
        """Start again what has died and is due. True when a process has another id now."""
        now = time.monotonic()
        restarted = False
        for running in self._running:
            if running.due is None and _has_ended(running.process):
                self._note_death(running, now)
            elif running.due is not None and now >= running.due:
                running.process, running.began, running.due = (
                    self._spawn(running.service),
                    now,
                    None,
                )
                restarted = True
        return restarted

    def stop(self) -> None:
        """Stage by stage; all that is left of a stage's process groups is killed before the next
        stage ends.
        """
        for stage in sorted({running.service.stage for running in self._running}):
            alive = [
                running
                for running in self._running
                if running.service.stage == stage and not _has_ended(running.process)
            ]
            for running in alive:
                _signal(running.process, running.service.stop_signal)
            self._await_end(alive)
            for running in self._running:
                if running.service.stage == stage:
                    _end_group(running.process)
        self._running.clear()

    def _spawn(self, service: Service) -> subprocess.Popen[bytes]:
        process = service.start()
        self._record(service.name, process.pid)
        return process

    def _all_ready(self) -> bool:
        for running in self._running:
            if running.ready_after is None:
                if _has_ended(running.process):
                    raise Refusal(
                        f"{running.service.name} ended while it was starting. {running.service.why_not()}"
                    )
                if running.service.ready():
                    running.ready_after = time.monotonic() - running.began
        return all(running.ready_after is not None for running in self._running)

    def _note_death(self, running: _Running, now: float) -> None:
        _end_group(running.process)
        running.deaths = [*backoff.recent(running.deaths, now), now]
        wait = backoff.delay(len(running.deaths))
        running.due = now + wait
        running.service.after_death(running.process.pid)
        fate = _how(running.process.returncode)
        say(
            f"{running.service.name} (process {running.process.pid}) {fate}; starting it again in {wait:g} s."
        )

    def _await_end(self, alive: list[_Running]) -> None:
        began = time.monotonic()
        while any(
            not _has_ended(running.process) and time.monotonic() - began < self._grace(running)
            for running in alive
        ):
            time.sleep(0.02)

    def _grace(self, running: _Running) -> float:
        if self._hurried():
            return HURRY
        return running.service.grace


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Looks without reaping: until `_end_group` reaps it, the number cannot be given to somebody
    else.
    """
    if process.returncode is not None:
        return True
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process and its children, and reap it."""
    if process.returncode is None:
        with contextlib.suppress(
            ProcessLookupError, PermissionError
        ):  # macOS refuses to signal a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


def _how(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
