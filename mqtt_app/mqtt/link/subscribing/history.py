"""The interruptions of one link, as they happen."""

import time

from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.failures import CONFLICT, LinkFailure
from mqtt_app.domain.link.trouble import interruptions
from mqtt_app.domain.link.trouble.interruptions import Cause

NO_PING_HEARD = 0x8D  # Keep Alive timeout


class LinkHistory:
    def __init__(self, config: ConnectionConfig) -> None:
        self.interruptions = config.memory.interruptions
        self._accepted_at: float | None = None  # unix seconds

    def on_accepted(self) -> None:
        self._accepted_at = time.time()
        self.interruptions = interruptions.came_back(self.interruptions, self._accepted_at)

    def on_lost(self, failure: LinkFailure, *, is_asking: bool) -> None:
        """`is_asking`: a SUBSCRIBE was unanswered."""
        if self._accepted_at is None:
            return
        now = time.time()
        lived = max(0.0, now - self._accepted_at)
        cause = cause_of(failure, is_asking=is_asking)
        self.interruptions = interruptions.broke(self.interruptions, now, lived, cause)
        self._accepted_at = None

    def judge(self, failure: LinkFailure | None) -> None:
        """Links that were closed without a reason, one after the other, may show a takeover."""
        if failure is not None and failure.kind == CONFLICT:
            self.interruptions = interruptions.taken_over(self.interruptions)


def cause_of(failure: LinkFailure, *, is_asking: bool) -> Cause:
    if failure.is_violation:
        return Cause.VIOLATION
    if failure.kind == CONFLICT:
        return Cause.TAKEN_OVER
    if failure.is_silent or failure.broker_code == NO_PING_HEARD:
        return Cause.SILENT
    if is_asking:
        return Cause.SUBSCRIBE
    if failure.broker_code is None:
        return Cause.CLOSED
    return Cause.ENDED
