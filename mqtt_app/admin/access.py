"""The admin as memberships allow it: rows of other sites do not exist, and roles decide what may be
done to the rest.

`is_staff` opens the admin; what is in it depends on roles alone. Django's model permissions play no
part for our models, as in the API.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from mqtt_app.domain.access import Action
from mqtt_app.selectors.visibility import viewer_of

Actions = tuple[Action, ...]
NOBODY: Actions = ()  # rows that only the system adds or changes

if TYPE_CHECKING:
    AdminBase = admin.ModelAdmin[Any]
    InlineBase = admin.TabularInline[Any, Any]
else:
    AdminBase = object
    InlineBase = object


class ByMembership(AdminBase):
    """In front of a ModelAdmin. `site_path` leads from a row to the id of its site.

    `to_view` is the action that seeing a row is; `to_add`, `to_change` and `to_delete` are those,
    all of them, that this takes at the row's site.
    """

    decides_who_may = True
    site_path = "site_id"
    to_view = Action.VIEW
    to_add: Actions = (Action.ADMINISTER,)
    to_change: Actions = (Action.ADMINISTER,)
    to_delete: Actions = (Action.ADMINISTER,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return viewer_of(request).permitted(
            super().get_queryset(request), self.site_path, self.to_view
        )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, (self.to_view,), obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, self.to_add)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.to_change, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.to_delete, obj)

    def may(self, request: HttpRequest, actions: Actions, obj: Model | None = None) -> bool:
        """At the site of `obj`; without one, at any site at all: what a list or an empty form needs
        to open.
        """
        viewer = viewer_of(request)
        if obj is None or obj.pk is None:
            site_id = None
        else:
            site_id = site_of(obj, self.site_path)
        return bool(actions) and all(viewer.may(action, site_id) for action in actions)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Rows can be hung only on what the user may change: a site, or a connection of one."""
        model = db_field.remote_field.model
        related = self.admin_site._registry.get(model)
        if isinstance(related, ByMembership) and "queryset" not in kwargs:
            rows = model._default_manager.all()
            for action in self.to_add:
                rows = viewer_of(request).permitted(rows, related.site_path, action)
            kwargs["queryset"] = rows
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_deleted_objects(
        self, objs: QuerySet[Any] | Iterable[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Only the names: listing millions of log rows that go with them would never end."""
        rows = list(objs)
        refused = [row for row in rows if not self.has_delete_permission(request, row)]
        counted = {str(self.opts.verbose_name_plural): len(rows)}
        if refused:
            needed = {str(self.opts.verbose_name)}
        else:
            needed = set()
        return [*map(str, rows), "and everything that belongs to them"], counted, needed, []

    def refuses(self, request: HttpRequest, rows: QuerySet[Any], action: Action) -> bool:
        """Says why, when one of the selected rows is of a site at which this is not allowed. Then
        do nothing.
        """
        viewer = viewer_of(request)
        found = set(rows.order_by().values_list(self.site_path, flat=True).distinct())
        refusals = sorted({viewer.refusal(action, site_id) for site_id in found} - {""})
        if refusals:
            self.message_user(request, f"Nothing was done. {' '.join(refusals)}", messages.ERROR)
        return bool(refusals)


class ShownToAll(InlineBase):
    """Rows of a page that whoever sees the page may read, and nobody changes."""

    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AdministratorsOnly(InlineBase):
    """Rows of a page that only superusers see and change."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return viewer_of(request).may(Action.ADMINISTER)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)


def site_of(row: Model, path: str) -> int:
    site_id: int = attrgetter(path.replace("__", "."))(row)
    return site_id
