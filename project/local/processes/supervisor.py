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
            late = next(one.service for one in self._running if one.ready_after is None)
            raise Refusal(
                f"{late.name} did not answer within {READY_WITHIN:.0f} s. {late.why_not()}"
            )

    def seconds(self) -> dict[str, float]:
        return {one.service.name: one.ready_after or 0.0 for one in self._running}

    def processes(self) -> list[dict[str, object]]:
        return [
            {"name": one.service.name, "kind": one.service.kind, "pid": one.process.pid}
            for one in self._running
        ]

    def tick(self) -> bool:
        """Start again what has died and is due. True when a process has another id now."""
        now = time.monotonic()
        restarted = False
        for one in self._running:
            if one.due is None and _has_ended(one.process):
                self._note_death(one, now)
            elif one.due is not None and now >= one.due:
                one.process, one.began, one.due = self._spawn(one.service), now, None
                restarted = True
        return restarted

    def stop(self) -> None:
        """Stage by stage; all that is left of a stage's process groups is killed before the next
        stage ends.
        """
        for stage in sorted({one.service.stage for one in self._running}):
            alive = [
                one
                for one in self._running
                if one.service.stage == stage and not _has_ended(one.process)
            ]
            for one in alive:
                _signal(one.process, one.service.stop_signal)
            self._await_end(alive)
            for one in self._running:
                if one.service.stage == stage:
                    _end_group(one.process)
        self._running.clear()

    def _spawn(self, service: Service) -> subprocess.Popen[bytes]:
        process = service.start()
        self._record(service.name, process.pid)
        return process

    def _all_ready(self) -> bool:
        for one in self._running:
            if one.ready_after is None:
                if _has_ended(one.process):
                    raise Refusal(
                        f"{one.service.name} ended while it was starting. {one.service.why_not()}"
                    )
                if one.service.ready():
                    one.ready_after = time.monotonic() - one.began
        return all(one.ready_after is not None for one in self._running)

    def _note_death(self, one: _Running, now: float) -> None:
        _end_group(one.process)
        one.deaths = [*backoff.recent(one.deaths, now), now]
        wait = backoff.delay(len(one.deaths))
        one.due = now + wait
        one.service.after_death(one.process.pid)
        fate = _how(one.process.returncode)
        say(
            f"{one.service.name} (process {one.process.pid}) {fate}; starting it again in {wait:g} s."
        )

    def _await_end(self, alive: list[_Running]) -> None:
        began = time.monotonic()
        while any(
            not _has_ended(one.process) and time.monotonic() - began < self._grace(one)
            for one in alive
        ):
            time.sleep(0.02)

    def _grace(self, one: _Running) -> float:
        return HURRY if self._hurried() else one.service.grace


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
    return (
        f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    )
