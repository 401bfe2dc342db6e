"""Columns of a connection that several writers set alike."""

from datetime import datetime

from django.db.models import Case, F, Value, When


def since(status: str, now: datetime) -> Case:
    """`status_since` moves only when the status changes."""
    return Case(When(status=status, then=F("status_since")), default=Value(now))
