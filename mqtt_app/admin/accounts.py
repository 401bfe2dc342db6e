"""Users, their tokens, and wrong log-ins. Superusers only: whoever edits users could make
themselves one.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from mqtt_app.admin.base import InstanceRowAdmin, coloured
from mqtt_app.models import ApiToken, LoginCounter
from mqtt_app.services import audit
from mqtt_app.services.accounts import login_throttle, passwords, tokens


@admin.register(ApiToken)
class ApiTokenAdmin(InstanceRowAdmin[ApiToken]):
    """To see and to revoke. Neither the digest nor a token is on a page, and nobody makes a token
    for others.
    """

    list_display = (
        "name",
        "user",
        "begins",
        "scope",
        "sites",
        "created",
        "ends",
        "last_used_at",
        "last_used_address",
    )
    list_filter = ("scope",)
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    fields = (
        "name",
        "user",
        "begins",
        "scope",
        "sites",
        "created",
        "ends",
        "last_used_at",
        "last_used_address",
    )
    readonly_fields = fields
    ordering = ("-created",)

    @admin.display(description="begins")
    def begins(self, token: ApiToken) -> str:
        return f"{token.token_key[:8]}…"

    @admin.display(description="sites")
    def sites(self, token: ApiToken) -> str:
        if token.site_ids is None:
            return "all"
        return ", ".join(map(str, token.site_ids))

    @admin.display(description="ends", ordering="expiry")
    def ends(self, token: ApiToken) -> Any:
        return token.expiry or coloured("off", "never")

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        tokens.revoke(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        tokens.revoke_all(queryset)


@admin.register(LoginCounter)
class LoginCounterAdmin(InstanceRowAdmin[LoginCounter]):
    """Wrong log-ins that are not forgotten yet. To unlock is to forget them."""

    list_display = ("shown", "kind", "locked_until", "wrong", "refused", "clear_at")
    list_filter = ("kind",)
    search_fields = ("label",)
    fields = ("kind", "label", "locked_until", "wrong", "refused", "pending", "clear_at")
    readonly_fields = fields
    actions = ("unlock",)

    @admin.display(description="who", ordering="label")
    def shown(self, counter: LoginCounter) -> str:
        return counter.label or "a name that no user has"

    @admin.action(description="Unlock the selected", permissions=["delete"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[LoginCounter]) -> None:
        number = login_throttle.unlock_rows(
            LoginCounter.objects.filter(pk__in=queryset.values("pk"))
        )
        self.message_user(request, f"{number} unlocked.")

    def delete_model(self, request: HttpRequest, obj: LoginCounter) -> None:
        login_throttle.unlock_rows(LoginCounter.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[LoginCounter]) -> None:
        login_throttle.unlock_rows(LoginCounter.objects.filter(pk__in=queryset.values("pk")))


class AdminPasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A superuser sets somebody's password."""

    keep_tokens = forms.BooleanField(
        required=False,
        label="Keep API tokens",
        help_text="Without this they end with the old password.",
    )

    def save(self, commit: bool = True) -> User:
        with passwords.changing("password changed", keep_tokens=self.cleaned_data["keep_tokens"]):
            user: User = super().save(commit)
        return user


class AccountAdmin(UserAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """Django's own page for users, with a one-time link for a password, and without what outlives a
    change.
    """

    actions = ("make_password_links", "unlock_log_ins")
    change_password_form = AdminPasswordForm

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Recorded here: what a password ends leaves entries too, which are not those of the
        change.
        """
        if not change:
            with passwords.new_account():
                super().save_model(request, obj, form, change)
            audit.record_created(obj)
            return
        before = audit.values_of(User.objects.get(pk=obj.pk))
        super().save_model(request, obj, form, change)
        if "is_active" in form.changed_data and not obj.is_active:
            passwords.deactivate(obj)
        after = audit.values_of(obj)
        if before != after:
            audit.record("changed", obj, before=before, after=after)

    @admin.action(description="Make a one-time link to set a password", permissions=["change"])
    def make_password_links(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse:
        """Shown by this answer and kept nowhere."""
        base = request.build_absolute_uri("/")
        links = [
            (user, passwords.one_time_link(user, base)) for user in queryset.filter(is_active=True)
        ]
        context = self.admin_site.each_context(request) | {
            "title": "One-time links",
            "links": links,
        }
        return TemplateResponse(request, "admin/mqtt/password_links.html", context)

    @admin.action(description="Unlock log-ins after too many wrong tries", permissions=["change"])
    def unlock_log_ins(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        number = sum(login_throttle.unlock(name=user.get_username()) for user in queryset)
        self.message_user(
            request, f"{number} of the selected users were locked or counted; now they are not."
        )


admin.site.unregister(User)
admin.site.register(User, AccountAdmin)
