"""How many wrong passwords somebody may try, and for how long nobody may try afterwards. Pure.

Each user name and each address has a tally. A try is *begun* before its password is looked at and
counts as pending until it is *settled*, so that tries made at the same moment cannot all pass
before the first of them is counted. Wrong tries are forgotten one by one: `clear_at` is when none
is left.

    begin ──► pending ──► failed     the tally grows; at the limit it locks, each time for longer
                     └──► succeeded  nothing remains of this try
"""

import ipaddress
import math
import unicodedata
from datetime import datetime, timedelta

import msgspec

LOST_AFTER = timedelta(seconds=60)
"""A pending try whose process died is a wrong one after this time: no password is hashed for
longer.
"""
IPV6_PREFIX = 64  # bits; whoever has an IPv6 address has at least the whole network of this length
UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})  # Unicode categories that a reader does not see


class Limit(msgspec.Struct, frozen=True):
    """`free` wrong tries cost nothing; then `pause`, doubled with each further one up to `longest`."""

    free: int
    pause: timedelta
    longest: timedelta
    forget: timedelta  # one wrong try is forgotten in this time

    def pause_after(self, failures: int) -> timedelta:
        if failures < self.free:
            return timedelta()
        doublings: int = min(failures - self.free, self._doublings)
        return min(self.pause * (1 << doublings), self.longest)

    @property
    def most(self) -> int:
        """Wrong tries that are remembered at most; more would not make the pause longer."""
        return self.free + self._doublings

    @property
    def _doublings(self) -> int:
        return max(0, math.ceil(math.log2(self.longest / self.pause)))


class LoginTally(msgspec.Struct, frozen=True):
    """What is remembered of one user name or one address."""

    clear_at: datetime
    locked_until: datetime | None = None
    pending: int = 0
    pending_since: datetime | None = None


class LoginRefusal(msgspec.Struct, frozen=True):
    """No password is looked at for `wait`. `busy`: only because too many tries are pending right
    now.
    """

    wait: timedelta
    busy: bool = False

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least one."""
        return max(1, math.ceil(self.wait.total_seconds()))

    def __str__(self) -> str:
        if self.busy:
            return "Too many log-ins at the same moment. Try again in a few seconds."
        return f"Too many wrong tries. Try again in {in_words(self.retry_after)}, or ask an administrator to unlock."


def failures(tally: LoginTally, limit: Limit, now: datetime) -> int:
    """Wrong tries that are not forgotten yet.

    Each is forgotten a tenth early: clocks of two machines differ, and a little more than one is
    still one.
    """
    left = tally.clear_at - now
    return max(0, (left + limit.forget * 0.9) // limit.forget)


def begin(tally: LoginTally, limit: Limit, now: datetime) -> LoginTally | LoginRefusal:
    """The tally with one more pending try, or why there may be none."""
    tally = without_lost(tally, limit, now)
    if tally.locked_until is not None and tally.locked_until > now:
        return LoginRefusal(tally.locked_until - now)
    if tally.pending >= max(1, limit.free - failures(tally, limit, now)):
        return LoginRefusal(timedelta(seconds=1), busy=True)
    return msgspec.structs.replace(tally, pending=tally.pending + 1, pending_since=now)


def fail(tally: LoginTally, limit: Limit, now: datetime) -> LoginTally:
    """A wrong try that is not pending (any more)."""
    clear_at = min(max(tally.clear_at, now) + limit.forget, now + limit.forget * limit.most)
    counted = msgspec.structs.replace(tally, clear_at=clear_at)
    pause = limit.pause_after(failures(counted, limit, now))
    if not pause:
        return counted
    return msgspec.structs.replace(
        counted, locked_until=max(tally.locked_until or now, now + pause)
    )


def settle(tally: LoginTally) -> LoginTally:
    """One pending try has an outcome."""
    return msgspec.structs.replace(tally, pending=max(0, tally.pending - 1))


def forgive(tally: LoginTally, now: datetime) -> LoginTally:
    """The right password: nothing of the past counts against this name any more."""
    return msgspec.structs.replace(tally, clear_at=now, locked_until=None)


def without_lost(tally: LoginTally, limit: Limit, now: datetime) -> LoginTally:
    """Pending tries that nobody will settle any more become wrong ones."""
    if not tally.pending or tally.pending_since is None or now - tally.pending_since <= LOST_AFTER:
        return tally
    for _ in range(min(tally.pending, limit.most)):
        tally = fail(tally, limit, now)
    return msgspec.structs.replace(tally, pending=0)


def is_locked(until: datetime | None, now: datetime) -> bool:
    return until is not None and until > now


def is_blank(tally: LoginTally, now: datetime) -> bool:
    """Nothing in it would make a difference."""
    return not tally.pending and tally.clear_at <= now and not is_locked(tally.locked_until, now)


def same_name(typed: str) -> str:
    """One spelling for everything that looks like one user name: case, width, blanks, hidden
    characters.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", typed).casefold())
    return "".join(
        character for character in folded if unicodedata.category(character) not in UNSEEN
    )


def same_address(address: str) -> str:
    """An IPv6 address counts with its /64. Empty for what is no address (a unix socket)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), IPV6_PREFIX), strict=False))


def in_words(seconds: int) -> str:
    """ "30 seconds", "2 minutes", "60 minutes": rounded up, so that nobody comes too early."""
    hours, minutes = -(-seconds // 3_600), -(-seconds // 60)
    if minutes > 90:
        return f"{hours} hours"
    number, unit = (minutes, "minute") if seconds > 90 else (seconds, "second")
    return f"{number} {unit}{'' if number == 1 else 's'}"
