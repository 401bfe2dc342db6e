"""`manage.py up`, inside the environment: start all in order, say what is where, keep it running,
stop it in order.
"""

import signal
import sys
import time
from types import FrameType

from project.local import options
from project.local.install import preflight
from project.local.options import Options
from project.local.processes import registry, runlock
from project.local.processes.machine import Local
from project.local.progress import say
from project.local.refusal import Refusal, Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EVERY = 0.2  # s


class Asked:
    """How often somebody asked for the end. The handler only counts; who waits, looks."""

    def __init__(self) -> None:
        self.times = 0
        self.signal = signal.SIGINT
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, self._note)
        signal.pthread_sigmask(
            signal.SIG_UNBLOCK, SIGNALS
        )  # blocked by manage.py until this handler was there

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.times += 1
        self.signal = signal.Signals(number)

    def check(self) -> None:
        if self.times:
            raise Stopped

    def twice(self) -> bool:
        return self.times > 1


def main(arguments: list[str]) -> int:
    asked = Asked()
    try:
        chosen = options.parse(arguments)
        preflight.check_up(chosen)
        with runlock.held(chosen.data_dir):
            registry.sweep(chosen.data_dir)
            return _run(chosen, asked)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.code
    except Stopped:
        return 128 + asked.signal


def _run(chosen: Options, asked: Asked) -> int:
    began = time.monotonic()
    local = Local(chosen, asked.check, asked.twice)
    try:
        local.start()
        say(local.table(time.monotonic() - began))
        while not asked.times:
            local.tick()
            time.sleep(EVERY)
    finally:
        stopping = time.monotonic()
        if asked.times:
            say("\nStopping ...")
        local.stop()
    say(f"Stopped, {time.monotonic() - stopping:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
