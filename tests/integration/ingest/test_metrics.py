"""Units and types of metrics, and what is stored beside a series."""

from collections.abc import Callable

import pytest

from mqtt_app.models import LatestReading, MqttConnection, Reading, SiteBooks
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from tests.integration.ingest.scripted import device, metric, said, say, value, values
from tests.integration.ingest.test_store import NOW, batch, books, message
from tests.narrowing import present

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("script")]


@pytest.fixture(params=["remembered", "forgotten"])
def between(request: pytest.FixtureRequest) -> Callable[..., None]:
    """What a process knows of a metric, and what it finds in the database, are the same."""

    def forget() -> None:
        if request.param == "forgotten":
            PROCESS.forget()

    return forget


@pytest.mark.parametrize(
    ("first", "then", "stored"),
    [
        ("kW", [(950.0, "W")], [1.0, 0.95]),
        ("W", [(1.2, "kW"), (3.0, "W")], [1.0, 1200.0, 3.0]),
        ("°C", [(68.0, "°F")], [1.0, 20.0]),
        ("hPa", [(100_000.0, "Pa")], [1.0, 1000.0]),
        ("kWh", [(500.0, "Wh"), (2.0, "")], [1.0, 0.5, 2.0]),
        ("", [(2.0, ""), (3.0, "V")], [1.0, 2.0, 3.0]),
    ],
)
def test_a_change_of_unit_is_converted_to_the_unit_of_the_metric(
    first: str,
    then: list[tuple[float, str]],
    stored: list[float],
    link: MqttConnection,
    between: Callable[..., None],
) -> None:
    say(link, value(1.0, unit=first))
    for number, (amount, unit) in enumerate(then, 1):
        between()
        say(link, value(amount, unit=unit), at=number)
    assert values() == pytest.approx(stored)
    assert metric().unit == (first or then[-1][1])
    assert said() == []


def test_a_unit_that_cannot_be_converted_is_stored_beside_the_series_and_said_once(
    link: MqttConnection, between: Callable[..., None]
) -> None:
    say(link, value(21.5, unit="°C"))
    for number in (1, 2):
        between()
        say(link, value(40.0, unit="%"), at=number)
    say(link, value(22.0, unit="°C"), at=3)
    assert values() == [21.5, "40 %", "40 %", 22.0]
    assert metric().unit == "°C"
    (line,) = said()
    assert "'m' of 'dev' is in °C" in line
    assert "%" in line


def test_a_later_type_is_stored_beside_the_series_and_said_once(
    link: MqttConnection, between: Callable[..., None]
) -> None:
    say(link, value(21.0))
    for number, later in enumerate(("unavailable", "unavailable", True, 22.0), 1):
        between()
        say(link, value(later), at=number)
    assert values() == [21.0, "unavailable", "unavailable", True, 22.0]
    assert (metric().type, metric().other_types) == ("number", "text,boolean")
    text, boolean = said()
    assert "'unavailable'" in text
    assert "boolean" in boolean
    numbers = Reading.objects.filter(metric="m", value__isnull=False).order_by("id")
    assert [row.value for row in numbers] == [21.0, 22.0]


@pytest.mark.parametrize(("first", "kind"), [(1.5, "number"), (True, "boolean"), ("idle", "text")])
def test_the_type_of_a_metric_is_that_of_its_first_value(
    first: bool | float | str, kind: str, link: MqttConnection
) -> None:
    say(link, value(first))
    assert metric().type == kind


def test_readings_about_the_radio_are_marked(link: MqttConnection) -> None:
    say(link, value(-80.0, metric="rssi", unit="dBm", diagnostic=True), value(1.0))
    assert (metric("rssi").diagnostic, metric("m").diagnostic) == (True, False)


@pytest.mark.parametrize("one", [True, False, 12.5, "OFF"])
def test_what_two_topics_say_at_one_moment_is_stored_once(
    one: bool | float | str, link: MqttConnection
) -> None:
    first = message(link, "script/STATE", [value(one)], received_at=NOW)
    second = message(link, "script/POWER", [value(one)], received_at=NOW + 0.02)
    pipeline.store(batch(first, second), NOW)
    assert values() == [one]
    assert books(link) == {"stored": 2}


@pytest.mark.parametrize(
    ("topic", "later", "other"),
    [
        ("script/a", 0.02, True),  # the same topic says it again
        ("script/b", 1.5, True),  # later
        ("script/b", 0.02, False),  # something else
        ("script/b", 0.02, 1.0),  # 1 is not true
    ],
)
def test_what_is_not_the_same_at_the_same_moment_is_stored(
    topic: str, later: float, other: bool | float, link: MqttConnection
) -> None:
    say(link, value(True))
    say(link, value(other), topic=topic, at=later)
    assert values() == [True, other]


def test_a_time_of_the_devices_own_is_never_taken_for_a_repetition(link: MqttConnection) -> None:
    say(link, value(1.0, time=NOW - 5.0))
    say(link, value(1.0, time=NOW - 4.9), topic="script/b")
    assert values() == [1.0, 1.0]


def test_a_metric_counts_its_readings_and_knows_the_first_and_the_last(
    link: MqttConnection, between: Callable[..., None]
) -> None:
    for seconds in (10, 0, 5):
        say(link, value(float(seconds), time=NOW + seconds), at=20)
        between()
    latest = LatestReading.objects.get()
    assert (latest.count, latest.value) == (3, 10.0)
    assert (present(latest.first_time).timestamp(), latest.time.timestamp()) == (NOW, NOW + 10)


def test_times_that_cannot_be_right_are_counted_and_never_the_latest(link: MqttConnection) -> None:
    say(link, value(1.0, time=100.0))
    assert not LatestReading.objects.exists()
    assert metric().implausible_count == 1
    say(link, value(2.0, time=NOW))
    say(link, value(3.0, time=NOW + 3e9), at=1)
    latest = LatestReading.objects.get()
    assert (latest.value, latest.count, metric().implausible_count) == (2.0, 1, 2)


@pytest.mark.parametrize("skew", [3600.0, -3600.0, -86400.0, 100.0 - NOW, 0.5])
def test_the_skew_of_a_clock_is_measured_by_its_newest_live_reading(
    skew: float, link: MqttConnection
) -> None:
    say(link, value(1.0, time=NOW + skew - 600), value(2.0, time=NOW + skew))
    assert device().clock_skew == pytest.approx(skew)
    say(link, value(3.0, time=NOW - 7.0), at=0, retain=True)
    assert device().clock_skew == pytest.approx(skew)


def test_a_clock_that_was_put_right_shows_it_and_jitter_writes_nothing(
    link: MqttConnection,
) -> None:
    say(link, value(1.0, time=NOW + 3600.0))
    say(link, value(1.0, time=NOW + 3601.0), at=3)
    assert device().clock_skew == 3600.0
    say(link, value(1.0, time=NOW + 10.0), at=10)
    assert device().clock_skew == 0.0


def test_local_times_are_read_in_the_zone_of_the_site(link: MqttConnection) -> None:
    link.site.time_zone = "Europe/Berlin"
    link.site.save()
    pipeline.store(batch(message(link, "script/a", "zone")), NOW)
    assert values() == ["Europe/Berlin"]


def test_single_fields_that_were_left_out_are_said_once_a_minute_with_their_number(
    link: MqttConnection,
) -> None:
    problem = ["problem", {"field": "temp", "reason": "NaN is no finite number"}]
    for second in range(3):
        say(link, value(1.0), problem, problem, at=NOW % 60 * -1 + second)
        PROCESS.forget()
    (line,) = said()
    assert line == "temp: NaN is no finite number (6 fields of this topic within this minute)"
    assert books(link) == {"stored": 3}
    assert SiteBooks.objects.get().fields_left_out == 6
    say(link, problem, at=NOW % 60 * -1 + 60)
    assert len(said()) == 2


def test_a_remark_is_said_once_a_topic_and_hour(link: MqttConnection) -> None:
    remark = ["remark", {"text": "Read as Windows-1252."}]
    start = -(NOW % 3600)
    for seconds in (0, 1, 3599):
        say(link, value(1.0), remark, at=start + seconds)
        PROCESS.forget()
    say(link, remark, topic="script/b", at=start)
    assert said() == ["Read as Windows-1252."] * 2
    say(link, remark, at=start + 3600)
    assert len(said()) == 3
