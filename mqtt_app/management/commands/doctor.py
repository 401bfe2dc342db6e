"""`manage.py doctor`: what is wrong with this installation, one line each, and what to do about it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import redis
from celery import Celery
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from kombu.exceptions import OperationalError

from mqtt_app.selectors.health.checkup import (
    Finding,
    Severity,
    database,
    exposure,
    fleet,
    memory_and_writes,
    settings_checks,
)
from mqtt_app.selectors.status.system import pulse

ANSWER_TIMEOUT = 2.0  # s for task workers to say which queues they serve
CONNECT_TIMEOUT = 3  # s for PostgreSQL


class Command(BaseCommand):
    help = "Checks settings, PostgreSQL, Redis and the running processes; exits with 1 when something is broken."
    requires_system_checks = ()  # they are among the findings

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="a list of {check, severity, finding, remedy}"
        )
        parser.add_argument("--quiet", action="store_true", help="only what is not all right")

    def handle(self, *_: Any, **options: Any) -> None:
        findings = _findings()
        if options["quiet"]:
            findings = [one for one in findings if one.severity is not Severity.OK]
        if options["json"]:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(findings)).decode())
        else:
            self._print(findings)
        if any(one.severity is Severity.ERROR for one in findings):
            raise SystemExit(1)

    def _print(self, findings: Sequence[Finding]) -> None:
        style = self.style
        styles = {
            Severity.OK: style.SUCCESS,
            Severity.WARNING: style.WARNING,
            Severity.ERROR: style.ERROR,
        }
        width = max((len(one.check) for one in findings), default=0)
        for one in findings:
            severity = styles[one.severity](f"{one.severity:<8}")
            self.stdout.write(
                f"{severity} {one.check:<{width}}  {one.finding} {one.remedy}".rstrip()
            )
        counts = {
            kind: sum(one.severity is kind for one in findings)
            for kind in (Severity.ERROR, Severity.WARNING)
        }
        self.stdout.write(f"{counts[Severity.ERROR]} errors, {counts[Severity.WARNING]} warnings.")


def _findings() -> list[Finding]:
    connection.settings_dict["OPTIONS"]["connect_timeout"] = CONNECT_TIMEOUT
    seen = pulse()
    of_database = list(database())
    return [
        *settings_checks(),
        *of_database,
        *memory_and_writes(),
        *fleet(seen, _served() if seen.reachable else None, database=_usable(of_database)),
        *exposure(seen, database=_usable(of_database)),
    ]


def _usable(findings: Sequence[Finding]) -> bool:
    return all(one.severity is not Severity.ERROR for one in findings)


def _served() -> Mapping[str, Sequence[str]] | None:
    """Queue -> task workers that serve it, None when nobody answers or Redis does not take the
    question.
    """
    app = Celery("doctor")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    try:
        answers = app.control.inspect(timeout=ANSWER_TIMEOUT).active_queues()
    except (OperationalError, redis.RedisError):
        return None
    if answers is None:
        return None
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, queues in sorted(answers.items()):
        for queue in queues:
            found[queue["name"]].append(name)
    return found
