"""Sites from which nothing comes: what is usual is learned from them, and their silence is said."""

from datetime import UTC, datetime, timedelta

import pytest

from mqtt_app.models import MqttConnection, Site, SiteBooks, SiteRhythm, SiteWeek
from mqtt_app.selectors.status.rhythms import usual_gaps
from mqtt_app.services.presence.check import check_offline

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 11, 2, 8, tzinfo=UTC)


def site(name: str) -> Site:
    made = Site.objects.create(name=name)
    MqttConnection.objects.create(
        site=made,
        broker_host="broker.example",
        is_active=True,
        status="connected",
        connected_at=MONDAY - timedelta(days=9),
    )
    SiteBooks.objects.create(site=made)
    return made


def speak(of: Site, at: datetime) -> None:
    SiteBooks.objects.filter(site=of).update(last_message_at=at)


def day(of: Site, begin: datetime, hours: int, gap: timedelta) -> datetime:
    """Messages, each looked at; gives when the last one came."""
    at = begin
    while at < begin + timedelta(hours=hours):
        speak(of, at)
        check_offline(at)
        at += gap
    return at - gap


def usual(of: Site, at: datetime) -> float | None:
    return usual_gaps([of.pk], at.timestamp()).get(of.pk)


def test_each_site_is_learned_by_itself() -> None:
    busy = site("Busy")
    slow = site("Slow")
    for minute in range(0, 600, 10):
        at = MONDAY + timedelta(minutes=minute)
        if minute % 20 == 0:
            speak(slow, at)
        speak(busy, at)
        check_offline(at)
    assert usual(busy, MONDAY + timedelta(hours=9)) == 600.0
    assert usual(slow, MONDAY + timedelta(hours=9)) == 1_200.0


def test_nothing_is_usual_before_enough_was_heard() -> None:
    lab = site("Lab")
    day(lab, MONDAY, 1, timedelta(minutes=5))
    assert usual(lab, MONDAY) is None


def test_a_silent_night_is_usual_a_week_later_and_a_silent_morning_is_not() -> None:
    lab = site("Lab")
    last = day(lab, MONDAY, 12, timedelta(minutes=5))
    day(lab, last + timedelta(hours=12), 12, timedelta(minutes=5))
    week = timedelta(days=7)
    assert usual(lab, MONDAY + week + timedelta(hours=1)) == 300.0
    assert usual(lab, last + week + timedelta(hours=6)) == 12 * 3_600.0


def test_a_site_whose_link_is_down_teaches_nothing() -> None:
    lab = site("Lab")
    day(lab, MONDAY, 3, timedelta(minutes=5))
    before = SiteRhythm.objects.get()
    MqttConnection.objects.update(status="error")
    day(lab, MONDAY + timedelta(hours=4), 1, timedelta(minutes=5))
    assert SiteRhythm.objects.get().gaps == before.gaps


def test_what_was_learned_goes_with_its_site() -> None:
    lab = site("Lab")
    day(lab, MONDAY, 3, timedelta(minutes=5))
    assert SiteWeek.objects.count() == 1
    lab.delete()
    assert (SiteRhythm.objects.count(), SiteWeek.objects.count()) == (0, 0)
