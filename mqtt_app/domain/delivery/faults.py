"""Whose fault it is that something was not stored, judged by PostgreSQL's error codes. Pure.

Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from enum import Enum


class Fault(Enum):
    # the database does not answer, or takes nothing at present: the message is tried again for ever
    AWAY = "away"
    CONFLICT = "conflict"  # another transaction came in between: try again at once
    CONTENT = "content"  # the database says that these values cannot be stored
    UNKNOWN = "unknown"  # anything else: blamed on a message only where others get through


_CONFLICTS = frozenset({"40001", "40P01"})  # serialization failure, deadlock
_CONTENT = (
    "22",
    "23",
    "54",
)  # data exceptions, violated constraints, too large for an index or a row
_AWAY = (
    "08",  # connection exceptions
    "25",  # read-only (a standby), or ended while idle in a transaction
    "28",
    "3D",  # not let in, no such database
    "53",  # disk, memory or connections used up
    "55",  # locked by another transaction, not in the state for it
    "57P",  # shutdown, crash, starting up
    "58",  # errors of its operating system
)


def fault_of_code(code: str | None) -> Fault:
    """`code` is an SQLSTATE; None when the error did not come from the server, so the link to it is
    broken.
    """
    if code is None or code.startswith(_AWAY):
        return Fault.AWAY
    if code in _CONFLICTS:
        return Fault.CONFLICT
    if code.startswith(_CONTENT):
        return Fault.CONTENT
    return Fault.UNKNOWN


FEW = 3  # messages


def are_few(unexplained: int, messages: int) -> bool:
    """So few of a connection's messages met an unknown fault that it is theirs, not the
    installation's.
    """
    return unexplained <= FEW or 2 * unexplained <= messages
