"""Rows that go with all that hangs on them, while others go on writing such rows."""

from collections.abc import Callable

from django.db import IntegrityError, connection, transaction
from django.db.models import Model

TRIES = 10


def remove(row: Model, record: Callable[[], None]) -> None:
    """Delete `row`; `record` writes what is to be known of it afterwards, in the same transaction.

    Django reads what hangs on a row before it deletes: a log row or a reading that is written in
    between is found at the end only, and then all of it is done once more. Raises IntegrityError
    when that goes on and on.
    """
    rows = type(row)._base_manager.filter(pk=row.pk)
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                record()
                rows.delete()
                connection.check_constraints()
            return
        except IntegrityError:
            if not tries_left:
                raise
