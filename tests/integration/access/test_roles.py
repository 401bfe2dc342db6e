"""What roles and scopes allow through API and pages, beyond one answer for each route."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mqtt_app.domain.access import Role, Scope, Switching
from mqtt_app.models import DiscoveredTopic, Membership, MqttConnection, Site
from tests.answers import Answer
from tests.integration.access.world import HERE, World, build, token, user

BASE = "/api/v1/mqtt/"
BOTH = pytest.mark.parametrize("switching", list(Switching), indirect=True)
BY_OPERATORS = pytest.mark.parametrize("switching", [Switching.OPERATORS], indirect=True)


@pytest.fixture
def world(db: None) -> World:
    return build()


def send(client: Client, method: str, path: str, body: object = None) -> Answer:
    return client.generic(
        method, BASE + path, json.dumps(body or {}), content_type="application/json"
    )


def by_token(owner: User, **limits: str) -> Client:
    return Client(headers={"authorization": f"Token {token(owner, **limits)}"})


@BOTH
@pytest.mark.parametrize(
    ("caller", "body", "expected"),
    [
        ("viewer", {"is_active": False}, (403, 403)),
        ("operator", {"is_active": False}, (403, 200)),
        ("operator", {"is_active": False, "silence_after": 60}, (403, 403)),
        ("operator", {"silence_after": 60}, (403, 403)),
        ("manager", {"is_active": False}, (403, 200)),
        ("manager", {"silence_after": 60}, (200, 200)),
        (
            "manager",
            {"is_active": True, "silence_after": 60},
            (200, 200),
        ),  # as it is: nothing is switched
        ("manager", {"is_active": False, "silence_after": 60}, (403, 200)),
        ("superuser", {"is_active": False, "silence_after": 60}, (200, 200)),
        ("read", {"is_active": False}, (403, 403)),
    ],
)
def test_a_site_is_switched_by_those_who_may_switch(
    caller: str,
    body: dict[str, bool | int],
    expected: tuple[int, int],
    switching: Switching,
    world: World,
) -> None:
    """`expected`: with each of the two values of SITEWIRE_SWITCHING."""
    status = expected[list(Switching).index(switching)]
    answer = send(world.client(caller), "PATCH", f"sites/{world.here.pk}/", body)
    assert answer.status_code == status, answer.content
    world.here.refresh_from_db()
    assert world.here.is_active is (body.get("is_active", True) if status == 200 else True)


@BY_OPERATORS
def test_an_operator_starts_and_stops_and_is_offered_the_buttons(
    world: World, switching: Switching
) -> None:
    client = world.client("operator")
    page = (
        client.get("/").content.decode() + client.get(f"/sites/{world.here.pk}/").content.decode()
    )
    assert page.count(f'data-post="{BASE}sites/{world.here.pk}/start/"') == 2
    assert send(client, "POST", f"sites/{world.here.pk}/start/").status_code == 202
    assert MqttConnection.objects.get(site=world.here).is_active


@pytest.mark.parametrize(
    ("caller", "approve", "switch", "configure"),
    [
        ("viewer", False, False, False),
        ("operator", True, False, False),
        ("manager", True, False, True),
        ("superuser", True, True, True),
    ],
)
def test_pages_offer_what_their_reader_may_do(
    caller: str, approve: bool, switch: bool, configure: bool, world: World
) -> None:
    DiscoveredTopic.objects.update(is_active=False)
    MqttConnection.objects.get(site=world.here).topics.all().delete()
    page = world.client(caller).get(f"/sites/{world.here.pk}/").content.decode()
    assert (f'{world.here.pk}/topic-rules/apply/"' in page) is approve
    assert ("data-patch" in page, f'{world.here.pk}/start/"' in page, "Add one" in page) == (
        approve,
        switch,
        configure,
    )


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (Scope.READ, []),
        (Scope.OPERATE, ["attend", "switch"]),
        (Scope.MANAGE, ["attend", "switch", "configure", "new"]),
    ],
)
def test_the_scope_of_a_token_caps_its_superuser_and_says_which_is_needed(
    scope: Scope, allowed: list[str], world: World
) -> None:
    calls = {
        "attend": ("PATCH", f"devices/{world.rows['device'].pk}/", {"name": "x"}),
        "switch": ("POST", f"sites/{world.here.pk}/start/", None),
        "configure": ("PATCH", f"sites/{world.here.pk}/connection/", {"keepalive": 30}),
        "new": ("POST", "sites/", {"name": "New"}),
    }
    client = by_token(world.users["superuser"], scope=scope.value)
    answers = {name: send(client, *call) for name, call in calls.items()}
    assert [name for name, answer in answers.items() if answer.status_code < 300] == allowed
    refused = [answer for answer in answers.values() if answer.status_code >= 300]
    assert {answer.status_code for answer in refused} <= {403}
    assert all(f'this one has "{scope.value}"' in answer.json()["detail"] for answer in refused)


def test_a_token_counts_and_not_the_session_that_comes_with_it(world: World) -> None:
    client = by_token(world.users["superuser"], scope=Scope.READ.value)
    client.force_login(world.users["superuser"])
    assert send(client, "POST", f"sites/{world.here.pk}/start/").status_code == 403


def test_a_token_limited_to_sites_lists_only_those_and_makes_none(world: World) -> None:
    client = world.client("elsewhere")
    assert [row["id"] for row in client.get(BASE + "sites/").json()["results"]] == [
        world.elsewhere.pk
    ]
    assert send(client, "POST", "sites/", {"name": "New"}).status_code == 403
    assert HERE not in client.get(BASE + "connection-logs/").content.decode()


def test_a_membership_for_all_sites_counts_at_sites_to_come(world: World) -> None:
    client = world.client("foreign")
    Membership.objects.create(user=world.users["foreign"], site=None, role=Role.VIEWER.value)
    newer = Site.objects.create(name="Newer")
    assert client.get(f"{BASE}sites/{newer.pk}/").status_code == 200
    assert send(client, "PATCH", f"sites/{newer.pk}/", {"silence_after": 60}).status_code == 403
    assert (
        send(client, "PATCH", f"sites/{world.elsewhere.pk}/", {"silence_after": 60}).status_code
        == 200
    )


def test_an_account_that_is_switched_off_loses_everything_at_once(world: World) -> None:
    client = world.client("manager")
    type(world.users["manager"]).objects.filter(pk=world.users["manager"].pk).update(
        is_active=False
    )
    assert client.get(f"{BASE}sites/{world.here.pk}/").status_code == 401


def test_the_refusal_names_the_role(world: World) -> None:
    answer = send(
        world.client("viewer"), "PATCH", f"devices/{world.rows['device'].pk}/", {"name": "x"}
    )
    assert answer.json()["detail"] == "This needs the role operator at this site; yours is viewer."


def test_a_member_of_many_sites_costs_as_many_queries_as_one_of_few(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    many = user("many", None, None)
    for number in range(30):
        Membership.objects.create(
            user=many, site=Site.objects.create(name=f"Site {number}"), role=Role.OPERATOR.value
        )
    client = Client()
    client.force_login(many)
    with django_assert_num_queries(4):  # session, user, memberships, sites
        client.get(f"{BASE}sites/")
