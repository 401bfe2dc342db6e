"""What a look at the installation finds, as data. Pure."""

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    OK = "OK"
    WARNING = "WARNING"  # works, but not as it should
    ERROR = "ERROR"  # something does not work


class Check(StrEnum):
    """What is judged here; `manage.py doctor` looks at more, under names of its own."""

    DATABASE = "database"
    MIGRATIONS = "migrations"
    REDIS = "redis"
    MQTT_WORKERS = "mqtt_workers"
    STORING = "storing"
    ORPHANS = "orphans"
    PERIODIC_TASKS = "periodic_tasks"
    QUEUES = "queues"


NEEDED = frozenset({Check.DATABASE, Check.MIGRATIONS, Check.REDIS})
"""Without these the web process cannot serve requests; without the others it can."""


class Finding(msgspec.Struct, frozen=True):
    """`check`: what was looked at. `finding`: a sentence. `remedy`: what to do, "" where there is
    nothing to do.
    """

    check: str
    severity: Severity
    finding: str
    remedy: str = ""

    @property
    def text(self) -> str:
        return f"{self.finding} {self.remedy}".rstrip()


def ok(check: str, finding: str) -> Finding:
    return Finding(check, Severity.OK, finding)


def warning(check: str, finding: str, remedy: str) -> Finding:
    return Finding(check, Severity.WARNING, finding, remedy)


def error(check: str, finding: str, remedy: str) -> Finding:
    return Finding(check, Severity.ERROR, finding, remedy)
