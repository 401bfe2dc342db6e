"""The offline check beside others who must not be touched: other sites, other gateways, whoever
changed meanwhile.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Model

from mqtt_app import events
from mqtt_app.models import Device, Gateway, MqttConnection, Site
from mqtt_app.services import devices, sites
from mqtt_app.services.presence import check as presence
from mqtt_app.services.presence import rows as presence_rows

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def place(name: str, **connection: Any) -> Site:
    found = Site.objects.create(name=name, silence_after=60)
    values = {"is_active": True, "status": "connected", "connected_at": ago(5_000)} | connection
    MqttConnection.objects.create(site=found, broker_host="broker.example", **values)
    return found


@pytest.fixture
def site() -> Site:
    return place("Lab")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = []
    for name in ("device_changed", "devices_changed"):
        monkeypatch.setattr(events, name, lambda **values: heard.append(values))
    return heard


@pytest.fixture
def check(
    said: list[dict[str, Any]], django_capture_on_commit_callbacks: Any
) -> Callable[[], presence.OfflineCheckReport]:
    def run() -> presence.OfflineCheckReport:
        said.clear()
        with django_capture_on_commit_callbacks(execute=True):
            return presence.check_offline(NOW)

    return run


def silent(site: Site, identifier: str = "pump", model: Any = Device, **changes: Any) -> Any:
    """Online, and silent for a second longer than it may be."""
    values = {"status": "online", "last_seen": ago(61), "due_at": ago(1), "status_since": ago(500)}
    return model._default_manager.create(site=site, identifier=identifier, **values | changes)


def state(row: Any) -> tuple[str, str, float]:
    """Status, reason, and how many seconds ago it became so."""
    row.refresh_from_db()
    return row.status, row.status_reason, (NOW - row.status_since).total_seconds()


def test_each_site_is_judged_by_its_own_link(
    site: Site, check: Callable[[], presence.OfflineCheckReport]
) -> None:
    """One hears, one cannot be heard, one is stopped, one is heard again for a moment only."""
    places = {
        "online": site,
        "error": place("Error", status="error", connected_at=None),
        "stopped": place("Stopped", is_active=False),
        "fresh": place("Fresh", connected_at=ago(9)),
    }
    rows = {name: silent(found) for name, found in places.items()}
    report = check()
    assert (report.gateways, report.devices) == (0, 1)
    assert {name: state(row) for name, row in rows.items()} == {
        "online": ("offline", "silent", 0.0),
        "error": ("unknown", "site unreachable", 0.0),
        "stopped": ("unknown", "site stopped", 0.0),
        "fresh": ("online", "", 500.0),
    }


def test_a_site_that_is_switched_off_is_not_heard_whatever_its_link_says(
    site: Site, check: Callable[[], presence.OfflineCheckReport]
) -> None:
    Site.objects.filter(pk=site.pk).update(is_active=False)
    pump = silent(site)
    check()
    assert state(pump) == ("unknown", "site stopped", 0.0)


def test_a_site_without_a_connection_is_not_heard(
    check: Callable[[], presence.OfflineCheckReport],
) -> None:
    bare = Site.objects.create(name="Bare", silence_after=60)
    pump = silent(bare)
    check()
    assert state(pump) == ("unknown", "site stopped", 0.0)


def test_since_stays_when_only_the_reason_of_an_unknown_one_changes(
    site: Site, check: Callable[[], presence.OfflineCheckReport], said: list[dict[str, Any]]
) -> None:
    lost = place("Lost", status="error")
    pump = silent(lost, status="unknown", status_reason="site stopped")
    check()
    assert state(pump) == ("unknown", "site unreachable", 500.0)
    assert said == []
    MqttConnection.objects.filter(site=lost).update(status="connected", connected_at=NOW)
    check()
    assert state(pump) == ("unknown", "not heard since it became reachable again", 500.0)


def test_whoever_is_offline_already_is_neither_due_nor_told_of(
    site: Site, check: Callable[[], presence.OfflineCheckReport], said: list[dict[str, Any]]
) -> None:
    pump = silent(site, status="offline", status_reason="announced")
    assert check() == presence.OfflineCheckReport(0, 0)
    assert (state(pump), said) == (("offline", "announced", 500.0), [])


def test_whoever_was_never_heard_is_not_offline(
    site: Site, check: Callable[[], presence.OfflineCheckReport]
) -> None:
    pump = silent(site, status="unknown", last_seen=None)
    assert check() == presence.OfflineCheckReport(0, 0)
    assert state(pump)[0] == "unknown"


@pytest.mark.parametrize(
    "change",
    [
        {"last_seen": NOW},
        {"status": "unknown", "status_reason": "site unreachable"},
        {"status": "offline"},
        {"last_seen": None},
    ],
)
@pytest.mark.parametrize("model", [Device, Gateway])
def test_whoever_changed_between_look_and_write_is_left_alone(  # noqa: PLR0917
    site: Site,
    check: Callable[[], presence.OfflineCheckReport],
    said: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    model: type[Model],
    change: dict[str, Any],
) -> None:
    """And the silent neighbour of the same look is not."""
    pump, other = silent(site, "pump", model), silent(site, "other", model)
    look = presence_rows.due

    def overtaken(kind: presence_rows.Kind, *arguments: Any) -> Any:
        found = look(kind, *arguments)
        if presence_rows.TABLES[kind] == model._meta.db_table:
            model._default_manager.filter(pk=pump.pk).update(**change)
        return found

    monkeypatch.setattr(presence_rows, "due", overtaken)
    report = check()
    assert report.gateways + report.devices == 1
    assert state(other)[0] == "offline"
    pump.refresh_from_db()
    assert pump.status == change.get("status", "online")
    assert [one["device_id"] for one in said] == [other.pk]


def test_only_devices_of_the_gateway_that_fell_silent_are_hidden(
    site: Site, check: Callable[[], presence.OfflineCheckReport], said: list[dict[str, Any]]
) -> None:
    bridge, live = (
        silent(site, "bridge", Gateway),
        silent(site, "live", Gateway, due_at=ago(-30), last_seen=ago(30)),
    )
    names = {"behind": bridge, "beside": live, "alone": None}
    rows = {
        name: silent(site, name, gateway=gateway, due_at=ago(-30), last_seen=ago(30))
        for name, gateway in names.items()
    }
    check()
    assert {name: state(row)[0] for name, row in rows.items()} == {
        "behind": "unknown",
        "beside": "online",
        "alone": "online",
    }
    assert state(rows["behind"]) == ("unknown", "gateway bridge is offline", 0.0)
    assert [(one["kind"], one["status"]) for one in said] == [("gateway", "offline")]


def test_the_name_of_a_gateway_goes_before_its_identifier(
    site: Site, check: Callable[[], presence.OfflineCheckReport]
) -> None:
    bridge = silent(site, "0x01", Gateway, name="Hall")
    behind = silent(site, "lamp", gateway=bridge)
    check()
    assert state(behind)[1] == "gateway Hall is offline"


def test_a_device_behind_a_gateway_that_is_back_has_its_silence_from_then_on(
    site: Site, check: Callable[[], presence.OfflineCheckReport]
) -> None:
    bridge = silent(
        site, "bridge", Gateway, due_at=ago(-30), last_seen=ago(30), status_since=ago(59)
    )
    lamp = silent(site, "lamp", gateway=bridge)
    check()
    assert state(lamp)[0] == "online"
    Gateway.objects.update(status_since=ago(60))
    check()
    assert state(lamp)[0] == "offline"


@pytest.mark.parametrize(("count", "events_told"), [(20, 20), (21, 1)])
def test_from_the_twenty_first_on_many_changes_are_one_number(
    site: Site,
    check: Callable[[], presence.OfflineCheckReport],
    said: list[dict[str, Any]],
    count: int,
    events_told: int,
) -> None:
    for number in range(count):
        silent(site, f"pump {number}")
    other = silent(place("Second"))
    check()
    told = [one for one in said if one["site_id"] == site.pk]
    assert len(told) == events_told
    assert told[0].get("count", 1) == (21 if count > 20 else 1)
    assert [one["device_id"] for one in said if one["site_id"] == other.site_id] == [other.pk]


# Limits that people set


def test_a_limit_of_its_own_makes_a_device_due_from_its_last_message(site: Site) -> None:
    pump, other = silent(site), silent(site, "other")
    unheard = silent(site, "unheard", last_seen=None, due_at=None)
    for row in (pump, unheard):
        row.silence_after = 5
        devices.save_device(row, ["silence_after"])
    found = dict(Device.objects.values_list("identifier", "due_at"))
    assert found == {"pump": ago(56), "other": ago(1), "unheard": None}
    pump.silence_after = None
    devices.save_device(pump, ["silence_after"])
    pump.refresh_from_db()
    assert (pump.due_at, other.silence_after) == (ago(1), None)


def test_a_name_moves_no_due_time(site: Site) -> None:
    pump = silent(site, due_at=ago(-7))
    pump.name = "Pump"
    devices.save_device(pump, ["name"])
    pump.refresh_from_db()
    assert (pump.name, pump.due_at) == ("Pump", ago(-7))


def test_the_limit_of_a_site_is_for_those_who_have_none_of_their_own(site: Site) -> None:
    neighbour = place("Neighbour")
    rows = [silent(site, "pump"), silent(site, "own", silence_after=5), silent(neighbour, "far")]
    bridge, unheard = (
        silent(site, "bridge", Gateway),
        silent(site, "unheard", last_seen=None, due_at=None),
    )
    site.silence_after = 30
    sites.save_site(site, ["silence_after"])
    for row in (*rows, bridge, unheard):
        row.refresh_from_db()
    assert [row.due_at for row in (*rows, bridge, unheard)] == [
        ago(31),
        ago(1),
        ago(1),
        ago(31),
        None,
    ]
