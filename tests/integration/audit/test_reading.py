"""`audit/` and the site's page: managers read of their sites, superusers of all, others nothing."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from mqtt_app.models import AuditEntry, Membership, Site
from tests.integration.api.client import Caller, connected_site, member_of
from tests.narrowing import present


@pytest.fixture
def manager(site: Site) -> Caller:
    user = member_of(site, "manager")
    Membership.objects.filter(user=user).update(role="manager")
    return Caller(user)


@pytest.fixture
def entries(site: Site) -> Site:
    other = connected_site("Other")
    at = datetime(2026, 1, 2, tzinfo=UTC)
    values = [
        ("anna", "changed", site.pk, {"name": ["<b>old</b>", "new"]}),
        ("ben", "deleted", site.pk, {}),
        ("anna", "changed", other.pk, {}),
        ("anna", "logged in", None, {}),
    ]
    for day, (user, action, site_id, changes) in enumerate(values, 1):
        AuditEntry.objects.create(
            at=at.replace(day=day),
            source="api",
            user_name=user,
            action=action,
            site_id=site_id,
            changes=changes,
            object_type="site",
            object_label="Plant",
            address="192.0.2.1",
        )
    return other


def asked(caller: Caller, query: str = "") -> list[tuple[str, str]]:
    return [(row["user"], row["action"]) for row in caller.get(f"audit/{query}")["results"]]


def test_a_superuser_reads_everything_newest_first_and_page_by_page(
    root: Caller, entries: Site
) -> None:
    assert asked(root) == [
        ("anna", "logged in"),
        ("anna", "changed"),
        ("ben", "deleted"),
        ("anna", "changed"),
    ]
    first = root.get("audit/?page_size=3")
    assert len(first["results"]) == 3
    assert len(root.get(first["next"].split("testserver")[1])["results"]) == 1


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("?user=anna", 3),
        ("?action=deleted", 1),
        ("?user=anna&action=changed", 2),
        ("?from=2026-01-03", 2),
        ("?to=2026-01-02T00:00:00Z", 2),
        ("?user=ann", 0),
    ],
)
def test_entries_are_found_by_user_action_and_time(
    query: str, number: int, root: Caller, entries: Site
) -> None:
    assert len(asked(root, query)) == number


def test_a_bad_window_is_refused_under_its_name(root: Caller, entries: Site) -> None:
    answer = root.call("GET", "audit/?from=2026-02-01&to=2026-01-01")
    assert (answer.status_code, list(answer.json())) == (400, ["to"])


def test_a_manager_reads_of_the_sites_he_manages_alone(
    manager: Caller, site: Site, entries: Site
) -> None:
    assert asked(manager) == [("ben", "deleted"), ("anna", "changed")]
    assert asked(manager, f"?site={site.pk}") == [("ben", "deleted"), ("anna", "changed")]
    assert manager.call("GET", f"audit/?site={entries.pk}").status_code == 404


def test_a_manager_of_all_sites_reads_of_every_site_and_no_accounts(
    site: Site, entries: Site, django_user_model: type[User]
) -> None:
    user = django_user_model.objects.create_user("over")
    Membership.objects.create(user=user, site=site, role="viewer")
    Membership.objects.create(user=user, site=entries, role="manager")
    assert asked(Caller(user)) == [("anna", "changed")]


def test_a_viewer_reads_none_and_is_told_why(site: Site, entries: Site) -> None:
    viewer = Caller(member_of(site, "viewer"))
    assert asked(viewer) == []
    answer = viewer.call("GET", f"audit/?site={site.pk}")
    assert answer.status_code == 403
    assert "role manager" in answer.json()["detail"]
    assert Caller().call("GET", "audit/").status_code == 401


def test_nobody_writes_entries_by_the_api(root: Caller, entries: Site) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert root.call(method, "audit/", {"action": "x"}).status_code == 405


def test_the_sites_page_shows_the_last_changes_to_those_who_may_read_them(
    manager: Caller, site: Site, entries: Site
) -> None:
    pages = {}
    for name, user in (("manager", manager.user), ("viewer", member_of(site, "viewer"))):
        browser = Client()
        browser.force_login(present(user))
        pages[name] = browser.get(f"/sites/{site.pk}/").content.decode()
    assert "Who changed what" in pages["manager"]
    assert "name: &lt;b&gt;old&lt;/b&gt; → new" in pages["manager"]
    assert "Who changed what" not in pages["viewer"]
