from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from mqtt_app.admin.access import NOBODY
from mqtt_app.admin.base import ReadOnlyAdmin, SiteFilter, shortened
from mqtt_app.domain.access import Action
from mqtt_app.domain.audit import Source, in_words
from mqtt_app.models import AuditEntry
from mqtt_app.selectors.audit import actions, entries_visible_to
from mqtt_app.selectors.visibility import viewer_of


class ActionFilter(admin.SimpleListFilter):
    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(action, action) for action in actions()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value():
            return queryset.filter(action=self.value())
        return queryset


class SourceFilter(admin.SimpleListFilter):
    title = "from where"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(source.value, source.value) for source in Source]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value():
            return queryset.filter(source=self.value())
        return queryset


class AuditSiteFilter(SiteFilter):
    """An entry names its site by number: it outlives it."""

    path = "site_id"


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin[AuditEntry]):
    to_view = Action.REVIEW
    to_delete = NOBODY
    list_display = ("at", "who", "source", "address", "action", "what", "short_changes")
    list_display_links = ("at",)
    list_filter = (SourceFilter, ActionFilter, "at", AuditSiteFilter)
    search_fields = ("user_name", "token_name", "object_label", "object_type", "action")
    search_help_text = "User, token, object or action."
    fields = (
        "at",
        "who",
        "user_id",
        "source",
        "address",
        "action",
        "object_type",
        "object_id",
        "object_label",
        "site_id",
        "every_change",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        return entries_visible_to(viewer_of(request))

    @admin.display(description="who", ordering="user_name")
    def who(self, row: AuditEntry) -> str:
        if row.token_name:
            return f"{row.user_name} by token {row.token_name}"
        return row.user_name or "unknown"

    @admin.display(description="object")
    def what(self, row: AuditEntry) -> str:
        return shortened(f"{row.object_type} {row.object_label}".strip())

    @admin.display(description="changes")
    def short_changes(self, row: AuditEntry) -> str:
        return shortened(
            "; ".join(in_words(name, change) for name, change in row.changes.items()), 160
        )

    @admin.display(description="changes")
    def every_change(self, row: AuditEntry) -> SafeString:
        lines = ((in_words(name, change),) for name, change in row.changes.items())
        return format_html_join("", '<div style="white-space:pre-wrap">{}</div>', lines)
