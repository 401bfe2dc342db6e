"""What keeps several sites down at once."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from mqtt_app.dashboard.causes import MOST, causes
from mqtt_app.selectors.pages import BrokerAddress
from mqtt_app.selectors.status.facets import LastError, SiteStatus

NOW = datetime(2026, 11, 27, 8, 12, tzinfo=UTC)


class Part:
    def __init__(self, **values: Any) -> None:
        vars(self).update(values)


def site(
    number: int, error_class: str = "credentials", message: str = "refused", **changed: Any
) -> SiteStatus:
    values: dict[str, Any] = {
        "site_id": number,
        "kind": "refused",
        "status": "error",
        "desired": Part(wanted=True),
        "owner": Part(alive=True),
        "link": Part(
            since=NOW - timedelta(minutes=number),
            last_error=LastError(
                error_class=error_class, message=message, at=NOW, remedy=f"mend {message}"
            ),
        ),
    }
    return cast(SiteStatus, Part(**(values | changed)))


def at(host: str, *numbers: int) -> dict[int, BrokerAddress]:
    return {number: BrokerAddress(host, 1883, use_tls=False) for number in numbers}


def test_sites_of_one_broker_with_one_failure_are_one_cause() -> None:
    (cause,) = causes([site(1), site(2), site(3, message="other")], at("broker.example", 1, 2, 3))
    assert (cause.host, cause.sites) == ("broker.example", 3)
    assert (cause.said, cause.remedy) == ("refused", "mend refused")
    assert cause.words == "refuses user name or password"
    assert cause.since == NOW - timedelta(minutes=3)


def test_brokers_and_classes_of_failure_are_kept_apart_and_the_largest_is_first() -> None:
    known = [site(1), site(2), site(3, "network"), site(4, "network"), site(5, "network")]
    known += [site(6), site(7)]
    found = causes(known, at("a", 1, 2, 3, 4, 5) | at("b", 6, 7))
    assert [(cause.host, cause.error_class, cause.sites) for cause in found] == [
        ("a", "network", 3),
        ("a", "credentials", 2),
        ("b", "credentials", 2),
    ]


def test_one_site_alone_is_no_common_cause() -> None:
    assert causes([site(1), site(2)], at("a", 1) | at("b", 2)) == []


def test_sites_that_are_up_stopped_or_degraded_otherwise_have_no_cause() -> None:
    known = [
        site(1, kind="running"),
        site(2, status="connected", kind="degraded"),
        site(3, desired=Part(wanted=False)),
        site(4, link=Part(since=None, last_error=None)),
        site(5, owner=Part(alive=False)),
        site(6, owner=Part(alive=None)),
    ]
    assert causes(known, at("a", 1, 2, 3, 4, 5, 6)) == []


def test_a_hundred_causes_do_not_fill_the_page() -> None:
    known = [site(number) for number in range(200)]
    places = {
        number: BrokerAddress(f"b{number // 2}", 1883, use_tls=False) for number in range(200)
    }
    assert len(causes(known, places)) == MOST
