"""problems/, and the page."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from mqtt_app.models import Problem, Site
from tests.integration.api.client import Caller, connected_site, member_of, superuser

pytestmark = pytest.mark.django_db
SECRET = "connection refused by 10.0.0.7"


def problem(site: Site, number: int = 1, **values: Any) -> Problem:
    now = timezone.now()
    fields = {
        "kind": "parsing",
        "title": "not JSON",
        "detail": "json",
        "error_type": "PARSE_ERROR",
        "count": 3,
        "first_at": now,
        "last_at": now,
    }
    return Problem.objects.create(site=site, fingerprint=UUID(int=number), **fields | values)


@pytest.fixture
def site(db: None) -> Site:
    return connected_site()


def test_problems_are_listed_by_state_kind_site_and_words(site: Site) -> None:
    root = Caller(superuser())
    other = connected_site("Other")
    past = timezone.now() - timedelta(seconds=1)
    problem(site)
    problem(site, 2, kind="link", title=SECRET, detail="b:1883", error_type="network")
    problem(other, 3, state="ignored", ignored_until=past)
    problem(other, 4, state="resolved")

    def listed(query: str) -> set[int]:
        return {UUID(row["fingerprint"]).int for row in root.get(f"problems/?{query}")["results"]}

    assert listed("") == {1, 2, 3, 4}
    assert listed("state=open") == {1, 2, 3}
    assert listed("state=ignored") == set()
    assert listed("state=resolved") == {4}
    assert listed("kind=link") == {2}
    assert listed(f"site={other.pk}") == {3, 4}
    assert listed("search=refused") == {2}
    assert root.call("GET", "problems/?site=999999999").status_code == 404


def test_a_decision_says_who_and_when(site: Site) -> None:
    root = Caller(superuser())
    row = problem(site)
    body = {"state": "ignored", "ignored_until": "2100-01-01T00:00:00Z", "note": "firmware"}
    answer = root.call("PATCH", f"problems/{row.pk}/", body)
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert (shown["state"], shown["note"], shown["changed_by"]) == ("ignored", "firmware", "root")
    opened = root.call("PATCH", f"problems/{row.pk}/", {"state": "open"}).json()
    assert (opened["state"], opened["ignored_until"]) == ("open", None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"state": "gone"}, "state"),
        ({"ignored_until": "2100-01-01T00:00:00Z"}, "ignored_until"),
        ({"state": "ignored", "ignored_until": "soon"}, "ignored_until"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_decision_that_cannot_be_is_refused_by_field(
    site: Site, body: dict[str, Any], field: str
) -> None:
    row = problem(site)
    answer = Caller(superuser()).call("PATCH", f"problems/{row.pk}/", body)
    assert answer.status_code == 400
    assert field in answer.json()


def test_members_see_their_sites_and_failures_of_links_in_general_words(site: Site) -> None:
    problem(site, 1, kind="link", title=SECRET, detail="b:1883", error_type="network")
    foreign = problem(connected_site("Other"), 2)
    member = Caller(member_of(site))
    [shown] = member.get("problems/")["results"]
    assert shown["title"] == "The broker cannot be reached."
    assert member.get("problems/?search=refused")["results"] == []
    assert member.call("GET", f"problems/{foreign.pk}/").status_code == 404


def test_the_page_tells_the_same_cause_at_several_sites_once(site: Site, client: Client) -> None:
    client.force_login(superuser())
    other = connected_site("Other")
    for place in (site, other):
        problem(place, 1, kind="link", title=SECRET, detail="b:1883", error_type="network")
    problem(site, 2, title="<script>alert(1)</script>", topics=["hall/<b>"])
    page = client.get("/problems/").content.decode()
    assert page.count(SECRET) == 1
    assert "2 sites:" in page
    assert "<script>alert" not in page
    assert "hall/&lt;b&gt;" in page
    assert "Map it" in page
    assert "No problem matches" in client.get("/problems/?q=nothing-like-it").content.decode()
    assert SECRET in client.get(f"/sites/{site.pk}/").content.decode()


def test_without_problems_the_page_says_so(client: Client) -> None:
    client.force_login(superuser())
    assert "Nothing is wrong that we know of" in client.get("/problems/").content.decode()
