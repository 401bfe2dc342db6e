"""Counts within a statement about other rows."""

from typing import Any

from django.db.models import Count, IntegerField, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce


def count_of(rows: QuerySet[Any]) -> Coalesce:
    """How many rows a correlated query finds: joins would multiply counts of several kinds."""
    grouped = rows.order_by().annotate(_all=Value(1)).values("_all")
    counted = grouped.annotate(_number=Count("pk")).values("_number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
