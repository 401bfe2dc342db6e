"""Cursor pages: a page costs the same wherever it lies, and no row is shown twice when others
arrive.
"""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView

MAX_PAGE_SIZE = 500


class TimeCursorPagination(CursorPagination):
    """Orders by the view's `ordering`, whose last field is unique. `?page_size=` from 1; above 500
    means 500.
    """

    page_size = 100
    page_size_query_param = "page_size"
    page_size_query_description = f"Rows on a page, from 1 to {MAX_PAGE_SIZE}."
    max_page_size = MAX_PAGE_SIZE
    offset_cutoff = (
        10_000  # rows with an equal first ordering field; one message gives at most 5,000 readings
    )
    invalid_cursor_message = "This cursor is not one that `next` or `previous` gave."

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get(self.page_size_query_param)
        if given is None:
            return self.page_size
        if not (given.isascii() and given.isdigit() and len(given) < 10 and int(given)):
            raise ValidationError(
                {"page_size": [f"Must be a whole number from 1 to {MAX_PAGE_SIZE}."]}
            )
        return min(int(given), MAX_PAGE_SIZE)

    def get_ordering(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> tuple[str, ...]:
        return tuple(getattr(view, "ordering", ("id",)))

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (
            DjangoValidationError,
            ValueError,
            OverflowError,
        ):  # a well-formed cursor around a made-up position
            raise NotFound(self.invalid_cursor_message) from None
