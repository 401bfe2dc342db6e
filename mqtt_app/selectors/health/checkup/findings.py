from enum import StrEnum

import msgspec


class Severity(StrEnum):
    OK = "OK"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Finding(msgspec.Struct, frozen=True):
    """One line: what was looked at, what was found, and what to do about it ("" where there is
    nothing to do).
    """

    check: str
    severity: Severity
    finding: str
    remedy: str = ""


def ok(check: str, finding: str) -> Finding:
    return Finding(check, Severity.OK, finding)


def warning(check: str, finding: str, remedy: str) -> Finding:
    return Finding(check, Severity.WARNING, finding, remedy)


def error(check: str, finding: str, remedy: str) -> Finding:
    return Finding(check, Severity.ERROR, finding, remedy)
