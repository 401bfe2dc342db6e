"""What all admin pages share: who may write, how long lists are counted, how words are coloured."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mqtt_app.admin.access import NOBODY, ByMembership
from mqtt_app.admin_site import SuperusersOnly
from mqtt_app.domain.access import Action
from mqtt_app.selectors.visibility import viewer_of

ModelT = TypeVar("ModelT", bound=Model)
ChildT = TypeVar("ChildT", bound=Model)
ParentT = TypeVar("ParentT", bound=Model)

if TYPE_CHECKING:  # Django's classes take type parameters in their stubs only
    GenericPaginator = Paginator[Any]

    class GenericAdmin(admin.ModelAdmin[ModelT]): ...

    class GenericInline(admin.TabularInline[ChildT, ParentT]): ...

else:
    GenericPaginator = Paginator

    class GenericAdmin(admin.ModelAdmin, Generic[ModelT]): ...

    class GenericInline(admin.TabularInline, Generic[ChildT, ParentT]): ...


# rows; counting on would read the whole table, and nobody pages that far: filters go further
MAX_COUNTED = 10_000
MAX_CHOICES = 200  # sites offered in a filter; others are reached by search
COLOURS = {"good": "#1a7f37", "busy": "#9a6700", "bad": "#cf222e", "off": "#6e7781"}


class BoundedPaginator(GenericPaginator):
    """Counts no further than MAX_COUNTED, so that a page of millions of rows costs as much as one
    of thousands.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:MAX_COUNTED].count())


class SiteRowAdmin(ByMembership, GenericAdmin[ModelT]):
    """Rows that belong to a site: who may see and change them is decided by memberships, as in the
    API.
    """

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50


class InstanceRowAdmin(SuperusersOnly, GenericAdmin[ModelT]):
    """For rows that the system writes and that belong to no site: superusers look, and delete."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ModelT | None = None) -> bool:
        return False


class ReadOnlyAdmin(SiteRowAdmin[ModelT]):
    """For rows that the system writes."""

    to_add = NOBODY
    to_change = NOBODY


class ReplayAdmin(ReadOnlyAdmin[ModelT]):
    """For dead letters: operators may have them replayed."""

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return self.may(request, (Action.ATTEND,))


class SiteFilter(admin.SimpleListFilter):
    """By site; `path` leads from the row to the site."""

    title = "site"
    parameter_name = "site"
    path = "site"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = viewer_of(request).sites().order_by("name").values_list("pk", "name")[:MAX_CHOICES]
        return [(str(pk), name) for pk, name in rows]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        if value.isascii() and value.isdigit():
            return queryset.filter(**{self.path: int(value)})
        return queryset.none()


class ConnectionSiteFilter(SiteFilter):
    path = "connection__site"


def coloured(kind: str, word: str) -> SafeString:
    """A word that is also coloured: it reads the same without the colour."""
    return format_html('<b style="color:{}">● {}</b>', COLOURS[kind], word)


def shortened(text: str, length: int = 100) -> str:
    if len(text) <= length:
        return text
    return text[: length - 1] + "…"
