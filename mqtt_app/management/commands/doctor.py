"""`manage.py doctor`: what is wrong with this installation, one line each, and what to do about it."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
import redis
from celery import Celery
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from kombu.exceptions import OperationalError

from mqtt_app.domain.health.findings import Check, Finding, Severity, warning
from mqtt_app.domain.health.judgement import judge
from mqtt_app.selectors.health.checkup import (
    database,
    exposure,
    failing_connections,
    memory_and_writes,
    settings_checks,
)
from mqtt_app.selectors.health.observe import Served, observe
from mqtt_app.selectors.status.system import pulse

ANSWER_TIMEOUT = 2.0  # s for task workers to say which queues they serve
CONNECT_TIMEOUT = 3  # s for PostgreSQL
NOBODY_ANSWERED = warning(
    Check.QUEUES, "No task worker answered within 2 s.", "Are task workers running?"
)


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
            findings = [finding for finding in findings if finding.severity is not Severity.OK]
        if options["json"]:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(findings)).decode())
        else:
            self._print(findings)
        if any(finding.severity is Severity.ERROR for finding in findings):
            raise SystemExit(1)

    def _print(self, findings: Sequence[Finding]) -> None:
        style = self.style
        styles = {
            Severity.OK: style.SUCCESS,
            Severity.WARNING: style.WARNING,
            Severity.ERROR: style.ERROR,
        }
        width = max((len(finding.check) for finding in findings), default=0)
        for finding in findings:
            severity = styles[finding.severity](f"{finding.severity:<8}")
            self.stdout.write(f"{severity} {finding.check:<{width}}  {finding.text}")
        counts = {
            kind: sum(finding.severity is kind for finding in findings)
            for kind in (Severity.ERROR, Severity.WARNING)
        }
        self.stdout.write(f"{counts[Severity.ERROR]} errors, {counts[Severity.WARNING]} warnings.")


def _findings() -> list[Finding]:
    """What PostgreSQL and Redis say themselves is more exact than that they answer."""
    connection.settings_dict["OPTIONS"]["connect_timeout"] = CONNECT_TIMEOUT
    seen = pulse()
    if seen.reachable:
        served = _served()
    else:
        served = None
    of_database = list(database())
    usable = _usable(of_database)
    exact = [*settings_checks(), *of_database, *memory_and_writes()]
    known = {finding.check for finding in exact}
    judged = [finding for finding in judge(observe(seen, served)) if finding.check not in known]
    if usable:
        links = list(failing_connections())
    else:
        links = []
    if seen.reachable and served is None:
        unanswered = [NOBODY_ANSWERED]
    else:
        unanswered = []
    return [*exact, *judged, *unanswered, *links, *exposure(seen, database=usable)]


def _usable(findings: Sequence[Finding]) -> bool:
    return all(finding.severity is not Severity.ERROR for finding in findings)


def _served() -> Served | None:
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
