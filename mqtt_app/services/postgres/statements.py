"""Statements that every batch runs, planned once a database session instead of once a batch, and
sent together.

Django's own cursors put the values into the text, so that PostgreSQL parses and plans each
statement anew; for the small batches of a quiet installation that was half of the database's work.
Parameters here go by the protocol: a value whose type does not show in the statement needs a cast
there. To wait for the answer of each statement by itself was half of the time that a small batch
took, so `Later` waits once for many.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

Parameters = Sequence[Any] | Mapping[str, Any]
Cursor = psycopg.Cursor[tuple[Any, ...]]


def run(statement: str, parameters: Parameters) -> Cursor:
    """The cursor, its result in it. Within a transaction only. Raises django.db.Error."""
    with connection.wrap_database_errors:
        return _execute(_cursor(), statement, parameters)


def rows(statement: str, parameters: Parameters) -> list[tuple[Any, ...]]:
    return run(statement, parameters).fetchall()


@contextmanager
def pipelined() -> Iterator[None]:
    """In here `run` does not wait: cursors have their results afterwards. No COPY. Raises
    django.db.Error at the end.

    Each statement still sees what those before it did, and all that was committed before it began
    (https://www.postgresql.org/docs/current/libpq-pipeline-mode.html).
    """
    link: psycopg.Connection[Any] = connection.connection
    with connection.wrap_database_errors, link.pipeline():
        yield


class Later:
    """Statements of a transaction whose answers can wait, and who looks at them. In the order in
    which they are added.

    Whatever ran at once meanwhile came before all of them.
    """

    def __init__(self) -> None:
        self._statements: list[tuple[Cursor, str, Parameters]] = []
        self._looks: list[Callable[[], None]] = []

    def add(self, statement: str, parameters: Parameters) -> Cursor:
        """The cursor that will have the result, once all `run`."""
        cursor = _cursor()
        self._statements.append((cursor, statement, parameters))
        return cursor

    def then(self, look: Callable[[], None]) -> None:
        """Called when every statement has its result."""
        self._looks.append(look)

    def run(self) -> None:
        """Raises django.db.Error, and what a look raises."""
        statements, looks = self._statements, self._looks
        self.clear()
        if statements:
            with pipelined():
                for cursor, statement, parameters in statements:
                    _execute(cursor, statement, parameters)
        for look in looks:
            look()

    def clear(self) -> None:
        self._statements, self._looks = [], []


def _cursor() -> Cursor:
    link: psycopg.Connection[Any] = connection.connection
    return psycopg.Cursor(link)


def _execute(cursor: Cursor, statement: str, parameters: Parameters) -> Cursor:
    if connection.queries_logged:  # as Django's own cursors do, for whoever counts or looks
        connection.queries_log.append({"sql": statement, "time": ""})
    return cursor.execute(statement.encode(), parameters)
