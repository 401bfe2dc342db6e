"""Passwords, decisions about many rows, and the entries themselves, in the admin."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from mqtt_app.models import (
    AuditEntry,
    DiscoveredTopic,
    MqttConnection,
    Site,
)
from mqtt_app.services.accounts import login_throttle
from tests.integration.api.client import superuser
from tests.integration.audit.conftest import fingerprint, new_entries


@pytest.fixture
def admin(db: None) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(superuser())
    return browser


@pytest.fixture
def rows(site: Site, mate: User) -> None:
    """Something to select on every list; rows that the test's own set-up lacks are made by the
    migration's schedule.
    """
    interval = IntervalSchedule.objects.create(every=77, period="seconds")
    PeriodicTask.objects.create(name="spare", task="tasks.control.reconcile", interval=interval)
    for user in User.objects.all():
        login_throttle.checked(login_throttle.of_login(user.username, "192.0.2.1"), lambda: False)


def url(model: type[Model], page: str, *arguments: int) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def form_data(admin: Client, address: str) -> dict[str, object]:
    """What a browser would send back unchanged."""
    context = admin.get(address).context
    forms = [
        context["adminform"].form,
        *(f.formset.management_form for f in context["inline_admin_formsets"]),
    ]
    forms += [row for f in context["inline_admin_formsets"] for row in f.formset.initial_forms]
    found: dict[str, object] = {}
    for form in forms:
        for name, field in form.fields.items():
            value = form.get_initial_for_field(field, name)
            widget_names = {form.add_prefix(name): value}
            if hasattr(field.widget, "decompress"):
                widget_names = {
                    f"{form.add_prefix(name)}_{n}": part
                    for n, part in enumerate(field.widget.decompress(value))
                }
            found |= {key: getattr(part, "pk", part) for key, part in widget_names.items()}
    lists = {
        key: [getattr(v, "pk", v) for v in value]
        for key, value in found.items()
        if isinstance(value, (list, tuple))
    }
    return {
        key: value
        for key, value in (found | lists).items()
        if value is not None and value is not False
    }


def test_somebodys_password_and_ones_own_are_recorded_as_changed(admin: Client, mate: User) -> None:
    new = {
        "usable_password": "true",
        "password1": "another-horse",
        "password2": "another-horse",
        "set-password": "1",
    }
    assert admin.post(f"/admin/auth/user/{mate.pk}/password/", new).status_code == 302
    own = {
        "old_password": "correct-horse-battery",
        "new_password1": "new-horse-9",
        "new_password2": "new-horse-9",
    }
    assert admin.post("/account/password/", own).status_code == 302
    changed = [
        (entry.object_label, entry.action) for entry in new_entries() if entry.object_type == "user"
    ]
    assert changed == [("mate", "password changed"), ("root", "password changed")]
    assert "horse" not in str([entry.changes for entry in new_entries()])


@pytest.mark.parametrize("address", ["/admin/auth/user/{}/password/", "/account/password/"])
def test_a_password_whose_change_cannot_be_recorded_stays(
    address: str, admin: Client, mate: User, no_entries_possible: Callable[[], None]
) -> None:
    before = fingerprint()
    no_entries_possible()
    new = {
        "usable_password": "true",
        "password1": "another-horse",
        "password2": "another-horse",
        "set-password": "1",
    }
    own = {
        "old_password": "correct-horse-battery",
        "new_password1": "new-horse-9",
        "new_password2": "new-horse-9",
    }
    assert admin.post(address.format(mate.pk), new | own).status_code == 500
    assert fingerprint() == before


def test_one_decision_about_many_topics_is_one_entry_with_their_number(
    admin: Client, site: Site
) -> None:
    rows = [
        DiscoveredTopic(connection=site.connection, topic=f"t/{n}", is_active=False)
        for n in range(300)
    ]
    DiscoveredTopic.objects.bulk_create(rows)
    chosen = {"action": "allow", "_selected_action": [0], "select_across": "1"}
    assert admin.post(url(DiscoveredTopic, "changelist"), chosen).status_code == 302
    (entry,) = new_entries()
    assert (entry.action, entry.object_label, entry.site_id) == (
        "allowed",
        "301 discovered topics",
        site.pk,
    )
    assert entry.changes["count"] == 301
    assert entry.changes["ids"].endswith("and 201 more")


def test_entries_are_read_found_and_not_written(admin: Client, site: Site) -> None:
    admin.post(
        url(MqttConnection, "changelist"),
        {"action": "start", "_selected_action": [site.connection.pk]},
    )
    entry = AuditEntry.objects.get()
    for query in ("", "?action=started", "?source=admin", f"?site={site.pk}", "?q=root"):
        assert admin.get(url(AuditEntry, "changelist") + query).context["cl"].result_count == 1
    assert (
        admin.get(url(AuditEntry, "changelist") + "?action=stopped").context["cl"].result_count == 0
    )
    assert admin.get(url(AuditEntry, "change", entry.pk)).status_code == 200
    assert admin.post(url(AuditEntry, "change", entry.pk), {"action": "x"}).status_code == 403
    assert admin.post(url(AuditEntry, "delete", entry.pk), {"post": "yes"}).status_code == 403
    assert admin.get(url(AuditEntry, "add")).status_code == 403
    sent = {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"}
    admin.post(url(AuditEntry, "changelist"), sent)
    assert AuditEntry.objects.filter(pk=entry.pk).exists()
