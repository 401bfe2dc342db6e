"""Rows that go with all that hangs on them, while others go on writing such rows."""

from collections.abc import Callable

from django.db import IntegrityError, connection, transaction

TRIES = 10


def remove(delete: Callable[[], object], record: Callable[[], None]) -> None:
    """`delete` rows; `record` writes what is to be known of them afterwards, in the same
    transaction.

    Django reads what hangs on a row before it deletes: a log row or a value that is written in
    between is found at the end only, and then all of it is done once more. Raises IntegrityError
    when that goes on and on.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                record()
                delete()
                connection.check_constraints()
            return
        except IntegrityError:
            if not tries_left:
                raise
