"""The admin site: models that judge by memberships are as their own pages say, all others are for
superusers.

Users, groups, the schedule and whatever an installed package brings: who may change one of these
can make himself anything, so Django's model permissions do not open them. Outside the package
`admin`, because Django makes the site while it imports that package.
"""

from collections.abc import Iterable
from types import new_class
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

if TYPE_CHECKING:  # Django's class takes a type parameter in its stub only
    AnyAdmin = admin.ModelAdmin[Any]
    Base = AnyAdmin
else:
    AnyAdmin = admin.ModelAdmin
    Base = object


class SuperusersOnly(Base):
    """In front of a ModelAdmin whose rows belong to no site."""

    decides_who_may = True

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request) and super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request) and super().has_delete_permission(request, obj)


class SitewireAdminSite(admin.AdminSite):
    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: type[AnyAdmin] | None = None,
        **options: Any,
    ) -> None:
        wanted = admin_class or AnyAdmin
        if not getattr(wanted, "decides_who_may", False):
            wanted = new_class(wanted.__name__, (SuperusersOnly, wanted))
        super().register(model_or_iterable, wanted, **options)


def is_superuser(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.is_active and user.is_superuser)
