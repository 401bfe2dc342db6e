from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from mqtt_app.admin.access import AdministratorsOnly
from mqtt_app.admin.base import GenericAdmin, GenericInline, ReadOnlyAdmin, SiteRowAdmin
from mqtt_app.admin_site import SuperusersOnly
from mqtt_app.domain.access import Action
from mqtt_app.domain.accounting import SUMS
from mqtt_app.models import Membership, Site, SiteBooks
from mqtt_app.services import sites


class MembershipInline(AdministratorsOnly, GenericInline[Membership, Site]):
    model = Membership
    autocomplete_fields = ("user",)
    extra = 0


@admin.register(Site)
class SiteAdmin(SiteRowAdmin[Site]):
    site_path = "id"
    to_change = (Action.CONFIGURE,)
    list_display = ("name", "id", "is_active", "new_topics_active", "silence_after", "created_at")
    list_filter = ("is_active", "new_topics_active")
    search_fields = ("name",)
    readonly_fields = ("created_at",)
    inlines = (MembershipInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Site | None = None) -> Any:
        fixed = self.readonly_fields
        if self.may(request, (Action.SWITCH,), obj):
            return fixed
        return (*fixed, "is_active")

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:
        if change:
            sites.save_site(obj, [name for name in form.changed_data if name in form.cleaned_data])
        else:
            sites.add_site(obj)

    def delete_model(self, request: HttpRequest, obj: Site) -> None:
        sites.delete_site(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Site]) -> None:
        for site in queryset:
            sites.delete_site(site)


@admin.register(Membership)
class MembershipAdmin(SuperusersOnly, GenericAdmin[Membership]):
    """Also those for all sites, which no site's page shows."""

    list_display = ("user", "role", "where")
    list_filter = ("role",)
    list_select_related = ("user", "site")
    search_fields = ("user__username", "site__name")
    autocomplete_fields = ("user", "site")

    @admin.display(description="site", ordering="site__name")
    def where(self, row: Membership) -> str:
        if row.site:
            return row.site.name
        return "all sites"


@admin.register(SiteBooks)
class SiteBooksAdmin(ReadOnlyAdmin[SiteBooks]):
    list_display = ("site", *SUMS, "last_message_at")
    list_select_related = ("site",)
    search_fields = ("site__name",)
    ordering = ("site_id",)
