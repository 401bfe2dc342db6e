from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from mqtt_app.admin.base import SiteRowAdmin, coloured
from mqtt_app.admin.connection_form import ConnectionForm
from mqtt_app.domain.access import Action
from mqtt_app.models import ConnectionStatus, MqttConnection
from mqtt_app.selectors.connections import SECRETS, legible
from mqtt_app.selectors.disclosure import conceal, sees_failures
from mqtt_app.selectors.status.sites import effective_statuses
from mqtt_app.services import sites

KINDS = {
    ConnectionStatus.CONNECTED: "good",
    ConnectionStatus.CONNECTING: "busy",
    ConnectionStatus.ERROR: "bad",
    ConnectionStatus.DISCONNECTED: "off",
}
SEEN = (
    "status_now",
    "status_since",
    "error_class",
    "error_message",
    "error_at",
    "retry_count",
    "connected_at",
    "negotiated_version",
    "assigned_instance",
    "owner",
    "owned_since",
    "generation",
    "config_version",
    "updated_at",
)


@admin.register(MqttConnection)
class MqttConnectionAdmin(SiteRowAdmin[MqttConnection]):
    form = ConnectionForm
    to_add = (Action.CONFIGURE,)
    to_change = (Action.CONFIGURE,)
    to_delete = (Action.CONFIGURE, Action.SWITCH)  # it ends the link
    list_display = (
        "site",
        "broker_host",
        "broker_port",
        "is_active",
        "status_now",
        "owner",
        "error_message",
    )
    list_filter = ("is_active", "status", "use_tls", "error_class")
    list_select_related = ("site",)
    search_fields = ("site__name", "broker_host", "owner", "error_message")
    autocomplete_fields = ("site",)
    readonly_fields = ("stored_secrets", *SEEN)
    actions = ("start", "stop")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "site",
                    "is_active",
                    "broker_host",
                    "broker_port",
                    "protocol_version",
                    "keepalive",
                    "ack_mode",
                    "broker_queue_limit",
                )
            },
        ),
        (
            "Login",
            {"fields": ("username", "password", "clear_password", "client_id", "stored_secrets")},
        ),
        (
            "TLS",
            {
                "fields": (
                    "use_tls",
                    "tls_verify",
                    "tls_ca_certificate",
                    "tls_client_certificate",
                    "tls_client_key",
                    "clear_tls_client_key",
                )
            },
        ),
        ("What is", {"fields": SEEN}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: MqttConnection | None = None) -> Any:
        if obj:
            fixed: tuple[str, ...] = (*self.readonly_fields, "site")
        else:
            fixed = self.readonly_fields
        if self.may(request, (Action.SWITCH,), obj):
            return fixed
        return (*fixed, "is_active")

    def has_switch_permission(self, request: HttpRequest) -> bool:
        return self.may(request, (Action.SWITCH,))

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> MqttConnection | None:
        row = super().get_object(request, object_id, from_field)
        if row is not None and not sees_failures(request.user):
            conceal(row)
        return row

    def get_search_fields(self, request: HttpRequest) -> Any:
        """Words that are not shown must not be searched in, nor sorted by: that would give them
        away.
        """
        return self._without_errors(request, self.search_fields)

    def get_sortable_by(self, request: HttpRequest) -> Any:
        return self._without_errors(request, self.list_display)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return bool(self._without_errors(request, (lookup,))) and super().lookup_allowed(
            lookup, value, request
        )

    def _without_errors(self, request: HttpRequest, names: tuple[str, ...]) -> tuple[str, ...]:
        if sees_failures(request.user):
            return names
        return tuple(name for name in names if not name.startswith("error_message"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[MqttConnection]:
        """The list needs no secret, so it reads and decrypts none."""
        return super().get_queryset(request).defer(*SECRETS)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """One look at the leases for all rows of the page."""
        page = super().get_changelist_instance(request)
        rows = list(page.result_list)
        if not sees_failures(request.user):
            for row in rows:
                conceal(row)
        shown = effective_statuses(rows)
        for row in rows:
            row.shown_status = shown[row.pk]
        page.result_list = rows
        return page

    @admin.display(description="status", ordering="status")
    def status_now(self, row: MqttConnection) -> SafeString:
        shown = getattr(row, "shown_status", None) or effective_statuses([row])[row.pk]
        status = ConnectionStatus(shown)
        return coloured(KINDS[status], str(status.label))

    @admin.display(description="stored secrets")
    def stored_secrets(self, row: MqttConnection) -> str:
        """That they are there; no page shows them."""
        stored = [name for name in SECRETS if legible(row, name) != ""]
        return ", ".join(str(row._meta.get_field(name).verbose_name) for name in stored) or "none"  # type: ignore[union-attr]

    @admin.action(description="Start selected connections", permissions=["switch"])
    def start(self, request: HttpRequest, queryset: QuerySet[MqttConnection]) -> None:
        self._switch(request, queryset, sites.start, "asked to start")

    @admin.action(description="Stop selected connections", permissions=["switch"])
    def stop(self, request: HttpRequest, queryset: QuerySet[MqttConnection]) -> None:
        self._switch(request, queryset, sites.stop, "asked to stop")

    def _switch(
        self,
        request: HttpRequest,
        queryset: QuerySet[MqttConnection],
        switch: Callable[[MqttConnection, Any], sites.Changed | sites.Unchanged],
        said: str,
    ) -> None:
        if self.refuses(request, queryset, Action.SWITCH):
            return
        results = [switch(connection, request.user) for connection in queryset]
        changed = sum(isinstance(result, sites.Changed) for result in results)
        same = len(results) - changed
        also = ""
        if same:
            also = f" {same} already so."
        self.message_user(request, f"{changed} {said}, within 30 seconds.{also}", messages.SUCCESS)

    def save_model(
        self, request: HttpRequest, obj: MqttConnection, form: Any, change: bool
    ) -> None:
        if not change:
            sites.add_connection(obj)
            return
        sites.save_connection(obj, form.link_fields())
        if "is_active" in form.changed_data:
            (sites.start if obj.is_active else sites.stop)(obj, request.user)

    def delete_model(self, request: HttpRequest, obj: MqttConnection) -> None:
        sites.delete_connection(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[MqttConnection]) -> None:
        for connection in queryset:
            sites.delete_connection(connection)
