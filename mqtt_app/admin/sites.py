from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from mqtt_app.admin.base import GenericInline, ReadOnlyAdmin, SuperuserAdmin
from mqtt_app.models import Membership, Site, SiteBooks
from mqtt_app.services import sites


class MembershipInline(GenericInline[Membership, Site]):
    model = Membership
    autocomplete_fields = ("user",)
    extra = 0


@admin.register(Site)
class SiteAdmin(SuperuserAdmin[Site]):
    list_display = ("name", "id", "is_active", "new_topics_active", "silence_after", "created_at")
    list_filter = ("is_active", "new_topics_active")
    search_fields = ("name",)
    readonly_fields = ("created_at",)
    inlines = (MembershipInline,)

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


@admin.register(SiteBooks)
class SiteBooksAdmin(ReadOnlyAdmin[SiteBooks]):
    list_display = (
        "site", "received", "stored", "duplicate", "inactive", "unprocessable", "failed", "quarantined", "kept",
        "readings", "last_message_at",
    )  # fmt: skip
    list_select_related = ("site",)
    search_fields = ("site__name",)
    ordering = ("site_id",)
