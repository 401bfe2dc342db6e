"""Every write of the admin leaves an entry in the audit trail, in its own transaction, and no page
shows a secret.

What a service records is recorded there; this adds what no service did: the pages of Django's own
users and groups, of beat's schedule, inlines, and actions. It is put around every registered page,
so that none is left out: whoever registers a model needs to know nothing of it.
"""

import copy
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db import models, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from mqtt_app.domain.audit import is_secret
from mqtt_app.models.validators import validate_name
from mqtt_app.services import audit

# Forms whose inline script the policy of the admin refuses; it only repeats a crontab in words.
_INLINE_SCRIPTS = frozenset({"admin/djcelery/change_periodictask_form.html"})
_DELETE = "delete_selected"  # ends in `delete_queryset`, after a page that asks


class Audited(admin.ModelAdmin):  # type: ignore[type-arg]
    """Put in front of a page's own class."""

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if change:
            before = audit.values_of(_stored(obj))
        else:
            before = {}
        known = audit.recorded()
        super().save_model(request, obj, form, change)
        if audit.recorded() != known:
            return
        if not change:
            audit.record_created(obj)
            return
        after = audit.values_of(_stored(obj))
        secrets = {name for name in form.changed_data if is_secret(name)}
        if before != after or secrets:
            marks = dict.fromkeys(secrets, True)
            audit.record("changed", obj, before=before, after=after | marks)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        before = _linked(form.instance)
        super().save_related(request, form, formsets, change)
        after = _linked(form.instance)
        if before != after:
            audit.record("changed", form.instance, before=before, after=after)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        gone = [copy.copy(row.instance) for row in formset.deleted_forms if row.instance.pk]
        known = audit.recorded()
        super().save_formset(request, form, formset, change)
        if audit.recorded() == known:
            _record_rows(formset, gone)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        gone = copy.copy(obj)
        before = audit.values_of(_stored(obj))
        known = audit.recorded()
        super().delete_model(request, obj)
        if audit.recorded() == known:
            audit.record("deleted", gone, before=before)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            groups = audit.by_site(self.model, queryset.values_list("pk", flat=True))
            known = audit.recorded()
            super().delete_queryset(request, queryset)
            if audit.recorded() == known:
                audit.record_groups("deleted", self.model, groups)

    def get_actions(self, request: HttpRequest) -> Any:
        found: dict[str, Any] = super().get_actions(request) or {}
        return {
            name: (action if name == _DELETE else _recorded(action, name), name, description)
            for action, name, description in found.values()
        }

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Names of users, groups and schedules, whose models are not ours, are checked like those
        of sites.
        """
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        is_name = (
            isinstance(db_field, models.CharField) and validate_name not in db_field.validators
        )
        if field is not None and is_name and isinstance(field, forms.CharField):
            field.validators = [*field.validators, validate_name]
        return field

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Who may filter by a secret finds it out letter by letter."""
        return not is_secret(lookup) and bool(super().lookup_allowed(lookup, value, request))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the right to change, fields are shown as they are, past the widgets that hide
        secrets.
        """
        found = super().get_fieldsets(request, obj)
        if obj:
            may_change = self.has_change_permission(request, obj)
        else:
            may_change = self.has_add_permission(request)
        if may_change:
            return found
        return [
            (title, {**options, "fields": _without_secrets(options["fields"])})
            for title, options in found
        ]


class AuditedUsers(Audited, UserAdmin):  # type: ignore[type-arg]
    """The page for somebody's password saves past `save_model`."""

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        with transaction.atomic():
            before = self._password(request, id)
            known = audit.recorded()
            response = super().user_change_password(request, id, form_url)
            user = self.get_object(request, id)
            if user is not None and before != user.password and audit.recorded() == known:
                audit.record(
                    "changed", user, before={"password": before}, after={"password": user.password}
                )
        return response

    def _password(self, request: HttpRequest, number: str) -> str:
        user = self.get_object(request, number)
        if user is None:
            return ""
        return str(user.password)


def audit_every_page(site: admin.AdminSite) -> None:
    """Called once every page is registered."""
    for model, page in list(site._registry.items()):
        if not isinstance(page, Audited):
            if isinstance(page, UserAdmin):
                kind: type[Audited] = AuditedUsers
            else:
                kind = Audited
            members: dict[str, Any] = {"__module__": type(page).__module__}
            if page.change_form_template in _INLINE_SCRIPTS:
                members["change_form_template"] = None
            site._registry[model] = type(type(page).__name__, (kind, type(page)), members)(
                model, site
            )


def _recorded(action: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The action in one transaction with its entry. Actions of ours are recorded by their service."""

    @wraps(action)
    def recorded(page: Any, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        with transaction.atomic():
            chosen = list(queryset.values_list("pk", flat=True))
            known = audit.recorded()
            answer = action(page, request, queryset)
            if audit.recorded() == known:
                audit.record_by_site(name, page.model, chosen)
        return answer

    return recorded


def _record_rows(formset: Any, gone: Iterable[Model]) -> None:
    """Rows of an inline."""
    initial = {row.instance.pk: row.initial for row in formset.initial_forms}
    for made in formset.new_objects:
        audit.record_created(made)
    for changed, names in formset.changed_objects:
        before = {name: initial.get(changed.pk, {}).get(name) for name in names}
        audit.record("changed", changed, before=before, after=audit.values_of(changed, names))
    for removed in gone:
        audit.record("deleted", removed, before=audit.values_of(removed))


def _stored(obj: Model) -> Model:
    """The row as it is in the database, without the secrets that must not be fetched for this."""
    secrets = [
        field.name
        for field in obj._meta.concrete_fields
        if is_secret(field.name) and not field.primary_key
    ]
    return type(obj)._default_manager.defer(*secrets).get(pk=obj.pk)


def _linked(obj: Model) -> dict[str, list[Any]]:
    """Ids of what is linked to `obj` by tables between, as a user's groups and permissions."""
    links: list[Any] = list(obj._meta.many_to_many)
    fields = [field for field in links if field.remote_field.through._meta.auto_created]
    return {
        field.name: sorted(getattr(obj, field.name).order_by("pk").values_list("pk", flat=True))
        for field in fields
    }


def _without_secrets(fields: Iterable[Any]) -> list[Any]:
    shown: list[Any] = []
    for field in fields:
        if not isinstance(field, str):
            shown.append(tuple(_without_secrets(field)))
        elif not is_secret(field.removeprefix("clear_")):
            shown.append(field)
    return shown
