"""Statements that every batch runs, planned once a database session instead of once a batch, and
sent together.

Django's own cursors put the values into the text, so that PostgreSQL parses and plans each
statement anew; for small batches that is half of the database's work. Parameters here go by the
protocol: a value whose type does not show in the statement needs a cast there. To wait for the
answer of each statement by itself is half of the time that a small batch takes, so `send` waits
once for many.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import psycopg
from django.db import connection
from psycopg.rows import class_row

Parameters = Sequence[Any] | Mapping[str, Any]
Cursor = psycopg.Cursor[Any]
Record = TypeVar("Record")


class Query(msgspec.Struct):
    """A statement with its values, and its answer once it was sent."""

    statement: str
    parameters: Parameters
    cursor: Cursor | None = None

    @property
    def row_count(self) -> int:
        """Rows that the statement gave or changed."""
        return self._answered.rowcount

    def rows(self) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._answered.fetchall()
        return found

    def records(self, kind: type[Record]) -> list[Record]:
        """Rows whose columns have the names of the fields of `kind`."""
        cursor = self._answered
        cursor.row_factory = class_row(kind)
        return cursor.fetchall()

    @property
    def _answered(self) -> Cursor:
        if self.cursor is None:
            raise RuntimeError("this statement was not sent yet")
        return self.cursor


def ask(statement: str, parameters: Parameters) -> Query:
    """One statement, answered. Raises django.db.Error."""
    query = Query(statement, parameters)
    connection.ensure_connection()
    with connection.wrap_database_errors:
        _execute(query)
    return query


def send(queries: Iterable[Query]) -> None:
    """Within a transaction only. Each has its answer afterwards. Raises django.db.Error.

    Each statement still sees what those before it did, and all that was committed before it began
    (https://www.postgresql.org/docs/current/libpq-pipeline-mode.html). No COPY.
    """
    with _pipelined():
        for query in queries:
            _execute(query)


@contextmanager
def _pipelined() -> Iterator[None]:
    link: psycopg.Connection[Any] = connection.connection
    with connection.wrap_database_errors, link.pipeline():
        yield


def _execute(query: Query) -> None:
    if connection.queries_logged:  # as Django's own cursors do, for whoever counts or looks
        connection.queries_log.append({"sql": query.statement, "time": ""})
    query.cursor = psycopg.Cursor(connection.connection)
    query.cursor.execute(query.statement.encode(), query.parameters)
