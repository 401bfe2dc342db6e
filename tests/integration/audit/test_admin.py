"""Every page and action of the admin that writes leaves an entry, in the transaction of its change."""

from collections.abc import Callable

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from mqtt_app.admin.audited import Audited
from mqtt_app.models import (
    AuditEntry,
    Device,
    LoginCounter,
    Membership,
    MqttConnection,
    Site,
)
from mqtt_app.services.accounts import login_throttle
from tests.integration.api.client import superuser
from tests.integration.audit.conftest import fingerprint, new_entries
from tests.narrowing import kind_of, present

REGISTERED = sorted(django_admin.site._registry, key=lambda model: model._meta.label)


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


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_every_registered_page_is_audited(model: type[Model]) -> None:
    assert isinstance(django_admin.site._registry[model], Audited)


CHANGES = [
    (Site, {"silence_after": 60}),
    (MqttConnection, {"broker_port": 1884}),
    (User, {"first_name": "Ada"}),
    (Group, {"name": "people"}),
    (PeriodicTask, {"description": "for a test"}),
    (IntervalSchedule, {"every": 78}),
]


@pytest.mark.parametrize(
    ("model", "change"), CHANGES, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_changed_row_leaves_an_entry_and_without_one_stays_as_it_was(
    model: type[Model],
    change: dict[str, int | str],
    admin: Client,
    rows: None,
    no_entries_possible: Callable[[], None],
) -> None:
    row = present(model._default_manager.order_by("pk").last())
    address = url(model, "change", row.pk)
    before = fingerprint()
    sent = form_data(admin, address) | change
    answer = admin.post(address, sent)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    (entry,) = new_entries()
    ((name, value),) = change.items()
    assert (entry.action, entry.source, entry.user_name) == ("changed", "admin", "root")
    assert entry.changes[name][1] == value
    after = fingerprint()
    assert after != before
    no_entries_possible()
    original = {name: next(r for r in before[model._meta.label] if r["id"] == row.pk)[name]}
    assert admin.post(address, sent | original).status_code == 500
    assert fingerprint() == after


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
@pytest.mark.parametrize("way", ["page", "list"])
def test_a_deleted_row_leaves_an_entry(
    model: type[Model], way: str, admin: Client, rows: None
) -> None:
    page = django_admin.site._registry[model]
    row = model._default_manager.order_by("pk").last()
    known = AuditEntry.objects.count()
    if model is AuditEntry or row is None:
        return
    if way == "page":
        answer = admin.post(url(model, "delete", row.pk), {"post": "yes"})
    else:
        sent = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        answer = admin.post(url(model, "changelist"), sent)
    assert answer.status_code in {302, 403}
    gone = not model._default_manager.filter(pk=row.pk).exists()
    assert gone or not page.has_delete_permission(answer.wsgi_request)
    entries = new_entries(known)
    action = "unlocked" if model is LoginCounter else "deleted"
    assert [entry.action for entry in entries] == ([action] if gone else [])


ANSWERED_OTHERWISE = {
    "run_tasks",  # puts tasks on a queue; see the test below for its kind
    # changes nothing, and shows the links; tests/integration/accounts has its entry
    "make_password_links",
}
ACTIONS = [
    (model, name)
    for model in REGISTERED
    for name in django_admin.site._registry[model].actions or ()
    if name not in ANSWERED_OTHERWISE
]


@pytest.mark.parametrize(("model", "name"), ACTIONS, ids=str)
def test_an_action_leaves_an_entry_and_without_one_changes_nothing(
    model: type[Model],
    name: str,
    admin: Client,
    rows: None,
    no_entries_possible: Callable[[], None],
) -> None:
    row = present(model._default_manager.order_by("pk").last())
    if name in {"stop", "disallow"}:
        model._default_manager.update(is_active=True)
    if name == "unretire":
        model._default_manager.update(retired_at=timezone.now())
    if name in {"fold", "unfold"}:
        model._default_manager.update(member_count=40, is_folding=name == "unfold")
    others = []
    if name == "merge":
        device = kind_of(Device, row)
        others.append(Device.objects.create(site_id=device.site_id, identifier="another").pk)
    before, known = fingerprint(), AuditEntry.objects.count()
    chosen = {"action": name, "_selected_action": [row.pk, *others]}
    if name == "enable_tasks":
        PeriodicTask.objects.update(enabled=False)
        before = fingerprint()
    no_more = AuditEntry.objects.count()
    assert admin.post(url(model, "changelist"), chosen).status_code == 302
    assert fingerprint() != before
    assert len(new_entries(known)) == 1
    assert no_more == known


def test_an_action_that_cannot_be_recorded_is_not_done(
    admin: Client, rows: None, no_entries_possible: Callable[[], None]
) -> None:
    before = fingerprint()
    no_entries_possible()
    for model, name in ((PeriodicTask, "disable_tasks"), (MqttConnection, "start")):
        row = model._default_manager.order_by("pk").last()
        chosen = {"action": name, "_selected_action": [present(row).pk]}
        assert admin.post(url(model, "changelist"), chosen).status_code == 500
    assert fingerprint() == before


def test_a_new_row_leaves_an_entry(admin: Client, site: Site) -> None:
    admin.post(url(Group, "add"), {"name": "new"})
    sent = {
        "username": "new",
        "usable_password": "true",
        "password1": "correct-horse",
        "password2": "correct-horse",
    }
    assert admin.post(url(User, "add"), sent).status_code == 302
    group, user = new_entries()
    assert user.action == "created"
    assert (group.object_type, group.changes) == ("group", {"name": [None, "new"]})
    assert (user.object_type, user.changes["password"]) == ("user", "changed")
    assert "correct-horse" not in str(user.changes)
    assert User.objects.get(username="new").password not in str(user.changes)


def test_groups_and_permissions_of_a_user_are_recorded_as_ids(admin: Client, mate: User) -> None:
    address = url(User, "change", mate.pk)
    extra = Group.objects.create(name="more")
    old = mate.groups.get().pk
    assert (
        admin.post(address, form_data(admin, address) | {"groups": [old, extra.pk]}).status_code
        == 302
    )
    assert {"groups": [[old], [old, extra.pk]]} in [entry.changes for entry in new_entries()]


def test_memberships_beside_a_site_are_recorded(admin: Client, site: Site, mate: User) -> None:
    address = url(Site, "change", site.pk)
    sent = form_data(admin, address)
    row = {
        "memberships-TOTAL_FORMS": 1,
        "memberships-0-user": mate.pk,
        "memberships-0-role": "viewer",
    }
    assert admin.post(address, sent | row).status_code == 302
    membership = Membership.objects.get()
    sent = form_data(admin, address)
    assert admin.post(address, sent | {"memberships-0-role": "manager"}).status_code == 302
    sent = form_data(admin, address)
    assert admin.post(address, sent | {"memberships-0-DELETE": "on"}).status_code == 302
    made, changed, gone = new_entries()
    assert [made.action, changed.action, gone.action] == ["created", "changed", "deleted"]
    assert changed.changes == {"role": ["viewer", "manager"]}
    assert {made.object_id, changed.object_id, gone.object_id} == {str(membership.pk)}
    assert {made.site_id, changed.site_id, gone.site_id} == {site.pk}
