"""services.presence on a real PostgreSQL: who is called silent, unknown or online, and how often it
is said.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks

from mqtt_app import events
from mqtt_app.models import Device, Gateway, MqttConnection, Site
from mqtt_app.models.locks import OFFLINE_CHECK_LOCK
from mqtt_app.services import devices, sites
from mqtt_app.services.presence import check as presence
from mqtt_app.services.presence import rows
from mqtt_app.services.presence.check import OfflineCheckReport
from tests.integration.upkeep.test_upkeep import other_session  # noqa: F401

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=5)
Said = list[dict[str, Any]]


@pytest.fixture
def site() -> Site:
    found = Site.objects.create(name="Lab", silence_after=60)
    MqttConnection.objects.create(
        site=found,
        broker_host="broker.example",
        is_active=True,
        status="connected",
        connected_at=LONG_AGO,
    )
    return found


@pytest.fixture
def check(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> Callable[..., tuple[OfflineCheckReport, Said]]:
    """`check(now)`: the report, and what browsers were told."""
    said: Said = []
    for name in ("device_changed", "devices_changed"):
        monkeypatch.setattr(events, name, lambda **values: said.append(values))

    def run(now: datetime = NOW) -> tuple[OfflineCheckReport, Said]:
        said.clear()
        with django_capture_on_commit_callbacks(execute=True):
            report = presence.check_offline(now)
        return report, list(said)

    return run


def device(
    site: Site, name: str = "pump", ago: float = 61, model: Any = Device, **changes: Any
) -> Any:
    seen = NOW - timedelta(seconds=ago)
    silence = changes.get("silence_after") or site.silence_after
    values = {
        "status": "online",
        "last_seen": seen,
        "due_at": seen + timedelta(seconds=silence),
        "status_since": seen,
    }
    return model.objects.create(site=site, identifier=name, **values | changes)


def state(one: Any) -> tuple[str, str]:
    one.refresh_from_db()
    return one.status, one.status_reason


def test_a_silent_device_goes_offline_once(
    site: Site, check: Callable[..., tuple[OfflineCheckReport, Said]]
) -> None:
    pump = device(site)
    report, said = check()
    assert (report.gateways, report.devices, state(pump)) == (0, 1, ("offline", "silent"))
    assert [(one["device_id"], one["status"]) for one in said] == [(pump.pk, "offline")]
    assert check() == (OfflineCheckReport(0, 0), [])


def test_the_log_line_counts_gateways_and_devices(
    site: Site,
    check: Callable[..., tuple[OfflineCheckReport, Said]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    device(site)
    device(site, "bridge", model=Gateway)
    with caplog.at_level(logging.INFO):
        check()
    assert "Offline check: 1 gateways, 1 devices" in caplog.messages


def test_a_device_that_spoke_in_time_stays_online(
    site: Site, check: Callable[..., tuple[OfflineCheckReport, Said]]
) -> None:
    pump = device(site, ago=59)
    check()
    assert state(pump)[0] == "online"


def test_the_limit_of_a_device_goes_before_the_one_of_its_site(
    site: Site, check: Callable[..., tuple[OfflineCheckReport, Said]]
) -> None:
    patient, hasty = (
        device(site, "patient", silence_after=600),
        device(site, "hasty", ago=6, silence_after=5),
    )
    check()
    assert (state(patient)[0], state(hasty)[0]) == ("online", "offline")


def test_a_due_time_that_was_left_behind_by_later_messages_is_not_believed(
    site: Site, check: Callable[..., tuple[OfflineCheckReport, Said]]
) -> None:
    pump = device(site, ago=1, due_at=NOW - timedelta(seconds=30))
    check()
    assert state(pump)[0] == "online"


def test_a_gateway_that_falls_silent_hides_its_devices_in_one_event(
    site: Site, check: Callable[..., tuple[OfflineCheckReport, Said]]
) -> None:
    bridge = device(site, "bridge", model=Gateway)
    behind = [device(site, f"lamp {n}", ago=1, gateway=bridge) for n in range(30)]
    report, said = check()
    assert (report.gateways, report.devices) == (1, 0)
    assert [(one["kind"], one["device_id"], one["status"]) for one in said] == [
        ("gateway", bridge.pk, "offline")
    ]
    assert {state(lamp) for lamp in behind} == {("unknown", "gateway bridge is offline")}


def test_a_device_that_was_heard_behind_a_gone_gateway_does_not_stay_online_for_ever(
    site: Site, check: Callable[..., tuple[OfflineCheckReport, Said]]
) -> None:
    bridge = device(site, "bridge", model=Gateway, status="offline")
    lamp = device(site, "lamp", gateway=bridge)
    assert [(one["device_id"], one["status"]) for one in check()[1]] == [(lamp.pk, "unknown")]
    assert state(lamp) == ("unknown", "gateway bridge is offline")
    assert check()[1] == []


def test_one_that_falls_silent_with_a_short_limit_is_offline_as_soon_as_the_grace_is_over(
    site: Site, check: Callable[..., tuple[OfflineCheckReport, Said]]
) -> None:
    pump = device(site, ago=300, silence_after=5)
    for up, expected in ((9, "online"), (10, "offline")):
        MqttConnection.objects.update(connected_at=NOW - timedelta(seconds=up))
        check()
        assert state(pump)[0] == expected


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_active": False}, "site stopped"),
        ({"status": "error"}, "site unreachable"),
        ({"status": "connecting"}, "site unreachable"),
    ],
)
def test_nothing_is_known_of_devices_whose_site_nobody_hears(
    site: Site,
    check: Callable[..., tuple[OfflineCheckReport, Said]],
    change: dict[str, bool | str],
    reason: str,
) -> None:
    pump, bridge = device(site), device(site, "bridge", model=Gateway)
    MqttConnection.objects.update(**change)
    report, _ = check()
    assert (report.gateways, report.devices) == (0, 0)
    assert state(pump) == state(bridge) == ("unknown", reason)
    assert check()[1] == []


def test_a_site_with_many_devices_that_is_lost_is_one_event(
    site: Site, check: Callable[..., tuple[OfflineCheckReport, Said]]
) -> None:
    for n in range(50):
        device(site, f"pump {n}")
    MqttConnection.objects.update(status="error")
    assert [(one["count"], one["status"]) for one in check()[1]] == [(50, "unknown")]


def test_nobody_is_silent_before_the_link_was_up_for_the_grace_and_their_time(
    site: Site, check: Callable[..., tuple[OfflineCheckReport, Said]]
) -> None:
    pump = device(site)
    for up, expected in ((59, "online"), (61, "offline")):
        MqttConnection.objects.update(connected_at=NOW - timedelta(seconds=up))
        check()
        assert state(pump)[0] == expected


def test_an_unknown_device_of_a_site_that_is_back_goes_offline_after_its_silence(
    site: Site, check: Callable[..., tuple[OfflineCheckReport, Said]]
) -> None:
    pump = device(site, ago=3_600, status="unknown", status_reason="site unreachable")
    MqttConnection.objects.update(connected_at=NOW)
    check(NOW + timedelta(seconds=30))
    assert state(pump) == ("unknown", "not heard since it became reachable again")
    check(NOW + timedelta(seconds=61))
    assert state(pump) == ("offline", "silent")


def test_a_message_between_look_and_write_keeps_a_device_online(
    site: Site,
    check: Callable[..., tuple[OfflineCheckReport, Said]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pump = device(site)
    due = rows.due

    def overtaken(*arguments: Any) -> Any:
        found = due(*arguments)
        Device.objects.update(last_seen=NOW)
        return found

    monkeypatch.setattr(rows, "due", overtaken)
    assert check() == (OfflineCheckReport(0, 0), [])
    assert state(pump)[0] == "online"


def test_two_checks_at_once_are_one(
    site: Site,
    check: Callable[..., tuple[OfflineCheckReport, Said]],
    other_session: psycopg.Connection,  # noqa: F811
) -> None:
    pump = device(site)
    other_session.execute("SELECT pg_advisory_xact_lock(%s::bigint)", [OFFLINE_CHECK_LOCK])
    assert check()[0].busy
    assert state(pump)[0] == "online"


def test_a_shorter_limit_counts_from_the_last_message(
    site: Site, check: Callable[..., tuple[OfflineCheckReport, Said]]
) -> None:
    pump = device(site, ago=30)
    site.silence_after = 20
    sites.save_site(site, ["silence_after"])
    check()
    assert state(pump)[0] == "offline"


def test_a_longer_limit_of_its_own_saves_a_device(
    site: Site, check: Callable[..., tuple[OfflineCheckReport, Said]]
) -> None:
    pump = device(site)
    pump.silence_after = 600
    devices.save_device(pump, ["silence_after"])
    check()
    assert state(pump)[0] == "online"


def test_the_number_of_statements_does_not_grow_with_devices(
    site: Site, check: Callable[..., tuple[OfflineCheckReport, Said]]
) -> None:
    device(site, "first")
    with statements() as few:
        check()
    for n in range(40):
        device(site, f"pump {n}")
    with statements() as many:
        check()
    assert len(many) == len(few)


@contextmanager
def statements() -> Iterator[CaptureQueriesContext]:
    with CaptureQueriesContext(connection) as found:
        yield found
