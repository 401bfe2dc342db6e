"""PostgreSQL: is it there, is it ours, has it room, and can what it keeps be read."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, connection

from mqtt_app.domain.health.findings import Finding, error, ok, warning
from mqtt_app.models import MqttConnection
from mqtt_app.models.fields import UndecryptableError
from mqtt_app.selectors.status.system import pending_migrations

OLDEST = 14_00_00  # server_version_num of PostgreSQL 14
SKEW = 2.0  # s between the database's clock and ours
FULL = 0.9  # share of max_connections in use


def database() -> Iterator[Finding]:
    """Nothing beyond the first finding can be asked of a database that does not answer."""
    settings = connection.settings_dict
    where = f"{settings['HOST'] or 'localhost'}:{settings['PORT'] or 5432}/{settings['NAME']}"
    try:
        connection.ensure_connection()
        version = connection.cursor().connection.info.server_version
    except DatabaseError as failure:
        reason = str(failure).strip().splitlines()
        if reason:
            text = reason[0].rstrip(".")
        else:
            text = type(failure).__name__
        text = f"PostgreSQL at {where} does not let us in: {text}."
        yield error("database", text, "Start it, or correct DATABASE_URL.")
        return
    if version < OLDEST:
        yield error(
            "database", f"PostgreSQL {version // 10_000} is too old.", "Use PostgreSQL 14 or newer."
        )
    else:
        yield ok("database", f"PostgreSQL {version // 10_000} answers at {where}.")
    yield from _schema()


def _schema() -> Iterator[Finding]:
    pending = pending_migrations() or []
    if pending:
        names = ", ".join(pending[:3])
        yield error(
            "migrations",
            f"{len(pending)} are not applied: {names}.",
            "Run: python3 manage.py migrate",
        )
        return
    yield ok("migrations", "All are applied.")
    yield from (_sessions(), _clock(), _partitions(), _secrets())


def _sessions() -> Finding:
    most = int(_one("SELECT current_setting('max_connections')"))
    used = int(_one("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))
    text = f"{used} of {most} connections are in use."
    if used >= FULL * most:
        return warning(
            "database sessions", text, "Raise max_connections, or start fewer processes."
        )
    return ok("database sessions", text)


def _clock() -> Finding:
    before = time.time()
    theirs = float(_one("SELECT extract(epoch FROM clock_timestamp())"))
    skew = theirs - (before + time.time()) / 2
    if abs(skew) > SKEW:
        return warning(
            "clock",
            f"PostgreSQL's clock is {skew:+.1f} s from ours.",
            "Run NTP (chrony) on both machines.",
        )
    return ok("clock", f"PostgreSQL's clock is {skew:+.3f} s from ours.")


def _partitions() -> Finding:
    """Readings of a month without a partition of its own go to the default one, and cost more to
    drop.
    """
    now = datetime.now(UTC)
    following = now.year * 12 + now.month  # months since year 0, of the next month
    name = f"mqtt_reading_{following // 12:04}{following % 12 + 1:02}"
    if _one("SELECT to_regclass(%s) IS NOT NULL", name):
        return ok("partitions", "Next month's readings have their partition.")
    return warning(
        "partitions", f"{name} is missing.", "Is beat running? It has months made ahead each day."
    )


def _secrets() -> Finding:
    try:
        count = sum(1 for _ in MqttConnection.objects.only("password", "tls_client_key").iterator())
    except UndecryptableError:
        return error(
            "encryption keys",
            "A stored password or client key was encrypted with a key that FIELD_ENCRYPTION_KEYS does not hold.",
            "Add the old key at the end of FIELD_ENCRYPTION_KEYS, or enter the credentials anew.",
        )
    return ok("encryption keys", f"The credentials of {count} connections can be decrypted.")


def _one(statement: str, *values: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0]
