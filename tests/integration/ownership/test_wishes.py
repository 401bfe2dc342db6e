"""What people change, and what of it a running link hears: this link, and no neighbour's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from mqtt_app import events
from mqtt_app.models import DiscoveredTopic, MqttConnection, MqttTopic, Site
from mqtt_app.services import ownership, sites, topics
from mqtt_app.services.connection_rules import MAX_PEM, connection_errors
from mqtt_app.services.ownership.snapshot import seen_rows
from tests.brokers import CertificateAuthority
from tests.integration.ownership.fleet import ago, connection, fresh, owned, take

pytestmark = pytest.mark.django_db


def bumps(row: MqttConnection) -> tuple[int, list[str]]:
    found = fresh(row)
    return found.config_version, found.obsolete_filters


def topic(row: MqttConnection, name: str = "a/#", **values: Any) -> MqttTopic:
    return MqttTopic.objects.create(connection=row, filter=name, **values)


@pytest.mark.parametrize(
    ("active", "change", "bumped", "obsolete"),
    [
        (True, {"qos": 0}, 1, []),
        (True, {"filter": "b/#"}, 1, ["a/#"]),
        (True, {"is_active": False}, 1, ["a/#"]),
        (False, {"is_active": True}, 1, []),
        (False, {"qos": 0}, 0, []),
        (False, {"filter": "b/#"}, 0, []),
        (True, {"qos": 1}, 0, []),
        (True, {"filter": "a/#"}, 0, []),
    ],
)
def test_a_change_of_a_filter_is_heard_by_its_link_when_it_matters(
    active: bool, change: dict[str, Any], bumped: int, obsolete: list[str]
) -> None:
    row, neighbour = connection(), connection()
    found = topic(
        row, qos=1, is_active=active, granted_qos=1, granted_at=timezone.now(), refusal=""
    )
    other = topic(neighbour, granted_qos=1)
    before = bumps(row)[0]
    unchanged = bumps(neighbour)
    for name, value in change.items():
        setattr(found, name, value)
    saved = topics.save_topic(found, list(change))
    assert bumps(row) == (before + bumped, obsolete)
    assert bumps(neighbour) == unchanged
    real = bool(bumped) or (not active and change != {"qos": 1})
    assert saved.granted_qos == (None if real else 1)
    other.refresh_from_db()
    assert other.granted_qos == 1


@pytest.mark.parametrize(("active", "bumped"), [(True, 1), (False, 0)])
def test_a_new_or_a_deleted_filter_is_heard_when_it_is_wanted(active: bool, bumped: int) -> None:
    row = connection()
    before = bumps(row)[0]
    made = topics.create_topic(row, {"filter": "a/#", "is_active": active})
    assert bumps(row) == (before + bumped, [])
    topics.delete_topic(made)
    assert bumps(row) == (before + 2 * bumped, ["a/#"] if active else [])


def test_what_people_allow_is_these_topics_and_counted_by_change() -> None:
    row = connection()
    made = [
        DiscoveredTopic.objects.create(
            connection=row,
            topic=f"t{n}",
            is_active=n == 0,
            is_processable=True,
            parser_name="json",
            first_seen=timezone.now(),
        )
        for n in range(4)
    ]
    assert topics.allow([one.pk for one in made[:3]], active=True) == 2
    states = list(DiscoveredTopic.objects.order_by("topic").values_list("is_active", flat=True))
    assert states == [True, True, True, False]
    assert topics.allow([made[0].pk], active=False) == 1
    assert topics.recognise_anew([made[0].pk]) == 1
    flags = list(
        DiscoveredTopic.objects.order_by("topic").values_list("is_processable", "parser_name")
    )
    assert flags == [(False, ""), *[(True, "json")] * 3]


def test_start_and_stop_change_the_wish_of_this_one_only() -> None:
    row, neighbour = connection(is_active=False), connection(is_active=False)
    user = type("User", (), {"pk": 1})()
    assert isinstance(sites.start(row, user), sites.Changed)
    assert isinstance(sites.start(row, user), sites.Unchanged)
    assert (fresh(row).is_active, fresh(neighbour).is_active) == (True, False)
    assert isinstance(sites.stop(row, user), sites.Changed)
    assert isinstance(sites.stop(neighbour, user), sites.Unchanged)
    assert not fresh(row).is_active


# Who has what


def test_what_reconcile_looks_at_is_whatever_is_wanted_owned_or_assigned() -> None:
    table = {
        "wanted": connection(),
        "owned": owned("mqtt-1", is_active=False),
        "assigned": connection(is_active=False, assigned_instance="mqtt-1"),
        "idle": connection(is_active=False),
        "site off": connection(),
        "site off and owned": owned("mqtt-1"),
    }
    for name in ("site off", "site off and owned"):
        table[name].site.is_active = False
        table[name].site.save()
    names = {row.pk: name for name, row in table.items()}
    found = {names[one.row.id]: one.row.wanted for one in seen_rows()}
    assert found == {"wanted": True, "owned": False, "assigned": False, "site off and owned": False}


def test_what_a_worker_sees_of_its_rows() -> None:
    mine = connection(assigned_instance="mqtt-1", assigned_at=ago(50))
    owned("mqtt-2")
    (row,) = ownership.rows_of("mqtt-1")
    assert (row.id, row.site_id, row.site_name, row.wanted) == (
        mine.pk,
        mine.site_id,
        mine.site.name,
        True,
    )
    assert abs(row.assigned_at - ago(50).timestamp()) < 5
    assert (row.owner, row.generation, row.config_version) == ("", 0, mine.config_version)
    MqttConnection.objects.update(assigned_at=None)
    assert ownership.rows_of("mqtt-1")[0].assigned_at == 0.0
    mine.site.is_active = False
    mine.site.save()
    assert not ownership.rows_of("mqtt-1")[0].wanted


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        ({}, True),
        ({"owner": "mqtt-1"}, True),
        ({"owner": "mqtt-2"}, False),
        ({"is_active": False}, False),
        ({"assigned_instance": "mqtt-2"}, False),
        ({"owner": "mqtt-2", "assigned_at": 16}, True),
        ({"owner": "mqtt-2", "assigned_at": 14}, False),
    ],
)
def test_which_rows_may_be_taken(values: dict[str, Any], taken: bool) -> None:
    at = ago(values.pop("assigned_at", 0))
    columns: dict[str, Any] = {"assigned_instance": "mqtt-1", "assigned_at": at, **values}
    row = connection(**columns)
    neighbour = connection(assigned_instance="mqtt-1")
    assert (take(row, "mqtt-1") is not None) is taken
    assert (fresh(row).generation, fresh(neighbour).generation) == (int(taken), 0)
    assert (fresh(row).owner == "mqtt-1") is (taken or values.get("owner") == "mqtt-1")


def test_a_row_of_another_generation_is_not_taken() -> None:
    row = connection(assigned_instance="mqtt-1", generation=4)
    assert ownership.claim(row.pk, "mqtt-1", 3) is None
    found = ownership.claim(row.pk, "mqtt-1", 4)
    assert found is not None
    assert (found.generation, fresh(row).generation) == (5, 5)


# What must hold between the fields of a connection


def test_a_certificate_needs_its_key_and_the_other_way_round(tmp_path: Path) -> None:
    ca = CertificateAuthority(tmp_path)
    certificate, key = ca.client()
    names = ("tls_ca_certificate", "tls_client_certificate", "tls_client_key")

    def wrong(*values: str) -> dict[str, Any]:
        return connection_errors(dict(zip(names, values, strict=True)))

    assert wrong("", "", "") == wrong(ca.pem, certificate, key) == connection_errors({}) == {}
    assert list(wrong("", certificate, "")) == ["tls_client_key"]
    assert list(wrong("", "", key)) == ["tls_client_certificate"]
    assert list(wrong("", certificate, ca.client()[1])) == ["tls_client_key"]
    assert list(wrong(key, certificate, "")) == ["tls_ca_certificate"]
    assert list(wrong("", "x", "y")) == ["tls_client_certificate", "tls_client_key"]
    padded = ca.pem + "\n" * (MAX_PEM - len(ca.pem))
    assert wrong(padded, "", "") == {}
    assert "100,000" in wrong(padded + "\n", "", "")["tls_ca_certificate"]


# Who hears of a wish


@pytest.fixture
def heard(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> Callable[..., tuple[list[tuple[int, bool]], int]]:
    """`heard(change)`: the sites of which browsers were told, and how often workers were nudged."""
    told: list[dict[str, Any]] = []
    nudged: list[int] = []
    monkeypatch.setattr(events, "connection_changed", lambda **values: told.append(values))
    monkeypatch.setattr(sites, "nudge", lambda: nudged.append(1))

    def run(change: Callable[[], object]) -> tuple[list[tuple[int, bool]], int]:
        told.clear()
        nudged.clear()
        with django_capture_on_commit_callbacks(execute=True):
            change()
        return [(one["site_id"], one["is_active"]) for one in told], len(nudged)

    return run


def switched(site: Site, active: bool) -> Site:
    site.is_active = active
    return sites.save_site(site, ["is_active"])


def test_browsers_and_workers_hear_of_every_switch_and_of_nothing_else(
    heard: Callable[..., tuple[list[tuple[int, bool]], int]],
) -> None:
    row = connection(is_active=False)
    user = type("User", (), {"pk": 1})()
    assert heard(lambda: sites.start(row, user)) == ([(row.site_id, True)], 1)
    assert heard(lambda: sites.start(row, user)) == ([], 0)
    assert heard(lambda: switched(row.site, False)) == ([(row.site_id, True)], 1)
    assert heard(lambda: switched(row.site, False)) == ([], 0)
    assert heard(lambda: switched(row.site, True)) == ([(row.site_id, True)], 1)
    assert heard(lambda: sites.save_site(row.site, [])) == ([], 0)
    assert heard(lambda: sites.stop(row, user)) == ([(row.site_id, False)], 1)


def test_workers_hear_of_a_new_a_changed_and_a_deleted_connection(
    heard: Callable[..., tuple[list[tuple[int, bool]], int]],
) -> None:
    site = sites.create_site({"name": "Lab"})
    made = []
    values = {"broker_host": "broker.example"}
    assert heard(lambda: made.append(sites.create_connection(site, values))) == (
        [(site.pk, made[0].is_active)],
        1,
    )
    made[0].keepalive = 30
    assert heard(lambda: sites.save_connection(made[0], ["keepalive"])) == ([], 1)
    assert heard(lambda: sites.save_connection(made[0], ["keepalive"])) == ([], 0)
    assert heard(lambda: sites.delete_connection(made[0])) == ([], 1)
    assert heard(lambda: sites.delete_site(site)) == ([], 1)
