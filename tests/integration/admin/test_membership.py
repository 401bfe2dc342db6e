"""The admin as staff members meet it: rows, choices and actions of their own sites, as far as their
roles go.
"""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.messages import get_messages
from django.db import connection as database
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mqtt_app.domain.access import Role, Switching
from mqtt_app.models import (
    DeadLetter,
    DiscoveredTopic,
    Membership,
    MqttConnection,
    MqttTopic,
    Site,
)
from tests.integration.access.conftest import switching  # noqa: F401  a fixture
from tests.integration.access.world import ELSEWHERE, HERE, World, build, user
from tests.narrowing import kind_of

BY_OPERATORS = pytest.mark.parametrize("switching", [Switching.OPERATORS], indirect=True)


@pytest.fixture
def world(db: None) -> World:
    return build()


def lists(model: str) -> str:
    return reverse(f"admin:mqtt_{model}_changelist")


def act(client: Client, model: str, action: str, *rows: Model) -> list[str]:
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    answer = client.post(lists(model), chosen)
    return [str(message) for message in get_messages(answer.wsgi_request)]


def elsewhere(model: type[Model]) -> Model:
    return model._default_manager.get(connection__site__name=ELSEWHERE)


def test_filters_offer_only_own_sites(world: World) -> None:
    for model in ("device", "mqttconnectionlog", "deadletter"):
        page = world.client("viewer").get(lists(model)).content.decode()
        assert (HERE in page, ELSEWHERE in page) == (True, False)
    page = (
        world.client("viewer").get(f"{lists('device')}?site={world.elsewhere.pk}").content.decode()
    )
    assert ELSEWHERE not in page


def test_autocompletes_and_form_choices_offer_only_own_sites(world: World) -> None:
    asked = {
        "app_label": "mqtt",
        "model_name": "mqttconnection",
        "field_name": "site",
        "term": "canary",
    }
    found = world.client("manager").get("/admin/autocomplete/", asked).json()["results"]
    assert [row["text"] for row in found] == [HERE]
    page = world.client("manager").get(
        f"{reverse('admin:mqtt_mqttconnection_add')}?site={world.elsewhere.pk}"
    )
    assert ELSEWHERE not in page.content.decode()


def test_nothing_can_be_hung_on_a_site_where_the_role_is_too_small(world: World) -> None:
    Membership.objects.create(
        site=world.elsewhere, user=world.users["manager"], role=Role.VIEWER.value
    )
    values = {
        "connection": kind_of(DiscoveredTopic, elsewhere(DiscoveredTopic)).connection_id,
        "filter": "evil/#",
        "qos": 1,
        "is_active": "on",
    }
    answer = world.client("manager").post(reverse("admin:mqtt_mqtttopic_add"), values)
    assert list(answer.context["adminform"].form.errors) == ["connection"]
    assert not MqttTopic.objects.filter(filter="evil/#").exists()


@pytest.mark.parametrize(
    ("model", "action"), [("discoveredtopic", "disallow"), ("discoveredtopic", "recognise_anew")]
)
def test_an_action_is_refused_as_a_whole_when_it_selects_a_site_where_the_role_is_too_small(
    model: str, action: str, world: World
) -> None:
    Membership.objects.create(
        site=world.elsewhere, user=world.users["operator"], role=Role.VIEWER.value
    )
    before = list(DiscoveredTopic.objects.order_by("pk").values())
    messages = act(
        world.client("operator"), model, action, world.rows[model], elsewhere(DiscoveredTopic)
    )
    assert messages == [
        "Nothing was done. This needs the role operator at this site; yours is viewer."
    ]
    assert list(DiscoveredTopic.objects.order_by("pk").values()) == before


def test_an_action_does_not_reach_rows_of_foreign_sites(world: World) -> None:
    act(
        world.client("operator"),
        "discoveredtopic",
        "disallow",
        elsewhere(DiscoveredTopic),
        world.rows["discoveredtopic"],
    )
    assert DiscoveredTopic.objects.filter(is_active=True).get() == elsewhere(DiscoveredTopic)


@pytest.mark.parametrize(("caller", "state"), [("viewer", "resting"), ("operator", "requested")])
def test_operators_have_messages_parsed_again_and_viewers_do_not(
    caller: str, state: str, world: World
) -> None:
    act(world.client(caller), "deadletter", "replay", world.rows["deadletter"])
    assert DeadLetter.objects.get(site=world.here).state == state


@pytest.mark.parametrize("caller", ["viewer", "operator", "manager"])
def test_nobody_but_superusers_starts_from_the_admin(caller: str, world: World) -> None:
    connection = world.rows["mqttconnection"]
    act(world.client(caller), "mqttconnection", "start", connection)
    address = reverse("admin:mqtt_mqttconnection_change", args=[connection.pk])
    world.client(caller).post(
        address, {"is_active": "on", "broker_host": "b.example", "broker_port": 1}
    )
    assert not MqttConnection.objects.filter(is_active=True).exists()


@BY_OPERATORS
@pytest.mark.parametrize(
    ("caller", "started"), [("viewer", False), ("operator", True), ("foreign", False)]
)
def test_operators_start_from_the_admin_where_the_installation_says_so(
    caller: str,
    started: bool,
    switching: Switching,  # noqa: F811
    world: World,
) -> None:
    act(world.client(caller), "mqttconnection", "start", world.rows["mqttconnection"])
    assert MqttConnection.objects.filter(site=world.here, is_active=True).exists() is started


@pytest.mark.parametrize("model", ["mqttconnection", "site"])
def test_a_manager_changes_settings_but_not_the_switch(model: str, world: World) -> None:
    client, row = world.client("manager"), world.rows[model]
    address = reverse(f"admin:mqtt_{model}_change", args=[row.pk])
    form = client.get(address).context["adminform"].form
    assert "is_active" not in form.fields
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    sent = {name: value for name, value in values.items() if value not in {None, False}}
    changed = {"keepalive": 33} if model == "mqttconnection" else {"silence_after": 33}
    assert isinstance(row, MqttConnection | Site)
    switch = {"is_active": "" if row.is_active else "on"}
    assert client.post(address, sent | changed | switch).status_code == 302
    stored = kind_of(type(row), type(row)._default_manager.get(pk=row.pk))
    assert {name: getattr(stored, name) for name in changed} == changed
    assert stored.is_active is row.is_active


def test_members_of_a_site_are_the_superusers_business(world: World) -> None:
    address = reverse("admin:mqtt_site_change", args=[world.here.pk])
    assert "memberships-TOTAL_FORMS" not in world.client("manager").get(address).content.decode()
    inline = {
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 0,
        "memberships-0-role": "manager",
    }
    mine = inline | {
        "memberships-0-user": world.users["viewer"].pk,
        "name": "x",
        "silence_after": 9,
    }
    world.client("manager").post(address, mine)
    assert not Membership.objects.filter(user=world.users["viewer"], role="manager").exists()


def test_histories_of_foreign_rows_are_not_there(world: World) -> None:
    kind = ContentType.objects.get_for_model(Site)
    LogEntry.objects.create(
        user=world.users["superuser"],
        content_type=kind,
        object_id=str(world.elsewhere.pk),
        object_repr="x",
        action_flag=CHANGE,
        change_message="Changed to Secret",
    )
    answer = world.client("manager").get(
        reverse("admin:mqtt_site_history", args=[world.elsewhere.pk]), follow=True
    )
    assert "Secret" not in answer.content.decode()


def test_djangos_own_permissions_open_nothing(world: World) -> None:
    """Whoever may change users in Django's terms could make himself a superuser."""
    clerk = user("clerk", None, None)
    clerk.user_permissions.set(Permission.objects.all())
    client = Client()
    client.force_login(clerk)
    target = get_user_model().objects.get(username="superuser")
    for address in (
        reverse("admin:auth_user_change", args=[clerk.pk]),
        f"/admin/auth/user/{target.pk}/password/",
        reverse("admin:django_celery_beat_periodictask_changelist"),
        reverse("admin:auth_group_changelist"),
        lists("mqttconnection"),
        lists("membership"),
    ):
        assert client.get(address).status_code == 403
        assert (
            client.post(
                address, {"is_superuser": "on", "password1": "x", "username": "clerk"}
            ).status_code
            == 403
        )
    assert get_user_model().objects.filter(is_superuser=True).count() == 1


def test_a_member_who_is_not_staff_is_sent_to_the_log_in(world: World) -> None:
    get_user_model().objects.update(is_staff=False)
    assert world.client("manager").get(lists("device")).status_code == 302


def test_a_list_costs_staff_as_many_queries_for_many_sites_as_for_one(world: World) -> None:
    client, costs = world.client("viewer"), []
    for count in (0, 20):
        for number in range(count):
            site = Site.objects.create(name=f"Site {number}")
            Membership.objects.create(site=site, user=world.users["viewer"], role=Role.VIEWER.value)
        with CaptureQueriesContext(database) as captured:
            client.get(lists("site"))
        costs.append(len(captured))
    assert costs[0] == costs[1]
    assert costs[1] <= 9
