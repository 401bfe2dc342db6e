"""Wrong log-ins of every entrance (pages, admin, API, Flower), counted in one table for all
processes.

A try locks its two rows, its address before its name, decides by
`domain/accounts/login_throttle.py` and writes the outcome in one short transaction, so tries in
parallel are counted one after the other. Tries are begun before a password is hashed and settled
afterwards; no row is locked in between.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from mqtt_app.conf import config
from mqtt_app.domain.accounts import login_throttle as rules
from mqtt_app.domain.accounts.login_throttle import Limit, LoginRefusal, LoginTally
from mqtt_app.models import LoginCounter
from mqtt_app.services import audit
from mqtt_app.services.accounts import login_counters as counters
from mqtt_app.services.accounts.login_counters import Attempt, Kind, Subject

PATIENCE = 10.0  # s that a try waits for others of the same name that are being checked
WAITERS = 8  # per process; more tries than that are sent away at once
POLL = 0.1  # s
PRUNE_EVERY = 256  # new rows
_waiters = threading.BoundedSemaphore(WAITERS)


class LoginRefused(ValidationError):
    """No password is looked at now. The message says when; `retry_after` is in seconds."""

    def __init__(self, refusal: LoginRefusal) -> None:
        super().__init__(str(refusal), code="login_refused")
        self.retry_after = refusal.retry_after


def of_login(name: str, address: str) -> Attempt:
    """`address` of the client; empty where it is not known, then only the name counts."""
    return _attempt(
        {Kind.ADDRESS: rules.same_address(address), Kind.NAME: rules.same_name(name)}, name
    )


def of_reset(email: str, address: str) -> Attempt:
    """A request for an e-mail with a link: counted by itself, so that it locks nobody's log-in."""
    return _attempt(
        {Kind.RESET_ADDRESS: rules.same_address(address), Kind.RESET_EMAIL: rules.same_name(email)},
        email,
    )


def checked(attempt: Attempt, verify: Callable[[], bool]) -> bool:
    """Whether `verify` (which may take its time) finds the password right.

    Raises LoginRefused when nobody may try now, or not so many at the same moment; `verify` is not
    called then.
    """
    _begin_patiently(attempt)
    right = verify()
    _settle(attempt, right=right)
    return right


def judge(attempt: Attempt, *, right: bool) -> None:
    """For what was verified in no time: count it at once. Raises LoginRefused when nobody may try
    now.
    """
    with transaction.atomic():
        if right:
            rows = counters.existing_rows(attempt)
        else:
            rows = counters.locked_rows(attempt)
        now = timezone.now()
        # Tries that are pending elsewhere count here, too: each of them may be the last free one.
        refusal = _hardest([rules.begin(tally, limit, now) for tally, limit in _tallies(rows)])
        if refusal is None:
            for row in rows:
                _write_outcome(row, attempt, now, right=right)
        elif not refusal.busy:
            counters.count_refused(rows, now)
    if refusal is not None:
        raise LoginRefused(refusal)


def unlock(*, name: str | None = None, address: str | None = None, everything: bool = False) -> int:
    """Forget wrong tries of this user name, of this address, or all. Gives the number of counters
    that went.
    """
    keys = []
    if name is not None:
        keys.append(Subject(Kind.NAME, rules.same_name(name)).key)
    if address is not None:
        keys.append(Subject(Kind.ADDRESS, rules.same_address(address)).key)
    if everything:
        rows = LoginCounter.objects.all()
    else:
        rows = LoginCounter.objects.filter(key__in=keys)
    return unlock_rows(rows)


@transaction.atomic
def unlock_rows(rows: QuerySet[LoginCounter]) -> int:
    found = list(rows.select_for_update().order_by("key"))
    for row in found:
        audit.record("unlocked", row)
    LoginCounter.objects.filter(pk__in=[row.pk for row in found]).delete()
    return len(found)


def prune(now: datetime) -> int:
    """Remove what would make no difference and, past the limit of rows, what would make the least."""
    blank = Q(clear_at__lte=now) & (Q(locked_until=None) | Q(locked_until__lte=now))
    settled = Q(pending=0) | Q(pending_since__lt=now - 2 * rules.LOST_AFTER)
    removed = counters.remove(LoginCounter.objects.filter(blank & settled))
    limit = config().login_counters_max
    excess = LoginCounter.objects.count() - limit
    if excess > 0:
        least = LoginCounter.objects.order_by("clear_at")[: excess + limit // 10]
        removed += counters.remove(LoginCounter.objects.filter(pk__in=[row.pk for row in least]))
    return removed


def limits() -> Mapping[str, Limit]:
    knobs = config()
    pause = timedelta(seconds=knobs.login_pause)
    longest = timedelta(seconds=knobs.login_pause_cap)
    by_name = Limit(
        knobs.login_name_tries, pause, longest, timedelta(seconds=knobs.login_name_forget)
    )
    by_address = Limit(
        knobs.login_address_tries, pause, longest, timedelta(seconds=knobs.login_address_forget)
    )
    return {
        Kind.NAME: by_name,
        Kind.ADDRESS: by_address,
        Kind.RESET_EMAIL: by_name,
        Kind.RESET_ADDRESS: by_address,
    }


# Steps of a try


def _attempt(values: Mapping[str, str], typed: str) -> Attempt:
    subjects = [Subject(str(kind), value) for kind, value in values.items() if value]
    return Attempt(tuple(sorted(subjects)), typed)


def _begin_patiently(attempt: Attempt) -> None:
    """Right passwords that come at the same moment wait for each other; too many of them do not."""
    refusal = _begin(attempt)
    if refusal is None:
        return
    if refusal.busy and _waiters.acquire(blocking=False):
        try:
            refusal = _wait(attempt, refusal)
        finally:
            _waiters.release()
    if refusal is not None:
        raise LoginRefused(refusal)


def _wait(attempt: Attempt, refusal: LoginRefusal) -> LoginRefusal | None:
    deadline = time.monotonic() + PATIENCE
    found: LoginRefusal | None = refusal
    while found is not None and found.busy and time.monotonic() < deadline:
        if not connection.in_atomic_block:
            connection.close()  # back to the pool, which has fewer than there may be waiters
        time.sleep(POLL)
        found = _begin(attempt)
    return found


def _begin(attempt: Attempt) -> LoginRefusal | None:
    with transaction.atomic():
        rows = counters.locked_rows(attempt)
        now = timezone.now()  # not before the rows are locked: others may have written meanwhile
        outcomes = [rules.begin(tally, limit, now) for tally, limit in _tallies(rows)]
        refusal = _hardest(outcomes)
        if refusal is None:
            for row, outcome in zip(rows, outcomes, strict=True):
                if isinstance(outcome, LoginTally):
                    counters.store(row, outcome)
        if refusal is not None and not refusal.busy:
            counters.count_refused(rows, now)
    if any(row.pk % PRUNE_EVERY == 0 for row in rows):
        prune(now)
    return refusal


def _tallies(rows: Iterable[LoginCounter]) -> list[tuple[LoginTally, Limit]]:
    limit_of = limits()
    return [(counters.tally_of(row), limit_of[row.kind]) for row in rows]


def _hardest(outcomes: Iterable[LoginTally | LoginRefusal]) -> LoginRefusal | None:
    """A lock comes before a moment that is only busy, and the longest before all."""
    refusals = [outcome for outcome in outcomes if isinstance(outcome, LoginRefusal)]
    return max(refusals, key=lambda refusal: (not refusal.busy, refusal.wait), default=None)


@transaction.atomic
def _settle(attempt: Attempt, *, right: bool) -> None:
    rows = counters.locked_rows(attempt)
    now = timezone.now()
    for row in rows:
        counters.put(row, rules.settle(counters.tally_of(row)))
        _write_outcome(row, attempt, now, right=right)


def _write_outcome(row: LoginCounter, attempt: Attempt, now: datetime, *, right: bool) -> None:
    """A right password clears its name. Its address keeps what others did: an attacker may have an
    account, too.
    """
    tally = counters.tally_of(row)
    if not right:
        _write_failure(row, attempt, now)
        return
    if row.kind == Kind.NAME:
        tally = rules.forgive(tally, now)
    if rules.is_blank(tally, now):
        row.delete()
    else:
        counters.store(row, tally)


def _write_failure(row: LoginCounter, attempt: Attempt, now: datetime) -> None:
    was_locked = rules.is_locked(row.locked_until, now)
    row.wrong += 1
    row.label = row.label or counters.label_of(row, attempt)
    counters.store(row, rules.fail(counters.tally_of(row), limits()[row.kind], now))
    if row.locked_until is not None and not was_locked and rules.is_locked(row.locked_until, now):
        audit.record(
            "locked out", row, after={"until": row.locked_until.isoformat(timespec="seconds")}
        )
