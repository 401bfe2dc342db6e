"""Statements that every batch runs, planned once a database session instead of once a batch.

Django's own cursors put the values into the text, so that PostgreSQL parses and plans each statement anew; for the
small batches of a quiet installation that was half of the database's work. Parameters here go by the protocol: a value
whose type does not show in the statement needs a cast there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection

Parameters = Sequence[Any] | Mapping[str, Any]


def run(statement: str, parameters: Parameters) -> psycopg.Cursor[tuple[Any, ...]]:
    """The cursor, its result in it. Within a transaction only. Raises django.db.Error."""
    link: psycopg.Connection[Any] = connection.connection
    if connection.queries_logged:  # as Django's own cursors do, for whoever counts or looks
        connection.queries_log.append({"sql": statement, "time": ""})
    with connection.wrap_database_errors:
        return psycopg.Cursor(link).execute(statement.encode(), parameters)


def rows(statement: str, parameters: Parameters) -> list[tuple[Any, ...]]:
    return run(statement, parameters).fetchall()
