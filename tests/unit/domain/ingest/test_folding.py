"""Which topics never repeat."""

import pytest

from mqtt_app.domain.ingest.folding import (
    BACK_AFTER,
    FOLD_AFTER,
    KNOWN_FOR,
    Member,
    Template,
    are_things,
    should_fold,
    template_of,
)

UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
NOW = 1_800_000_000.0
CERTAIN = Template("jobs/{uuid}", True)
COUNTED = Template("orders/{n}", False)


@pytest.mark.parametrize(
    ("topic", "template"),
    [
        (f"jobs/{UUID}/status", "jobs/{uuid}/status"),
        (f"jobs/{UUID.upper()}/status", "jobs/{uuid}/status"),
        (f"jobs/job-{UUID}/status", "jobs/job-{uuid}/status"),
        (f"{UUID}/{UUID}", "{uuid}/{uuid}"),
        ("files/9e107d9d372bb6826bd81d3542a419d6", "files/{hash}"),
        ("files/da39a3ee5e6b4b0d3255bfef95601890afd80709/x", "files/{hash}/x"),
        ("events/01ARZ3NDEKTSV4RRFFQ69G5FAV", "events/{ulid}"),
        ("log/1732600000", "log/{time}"),
        ("log/1732600000123/x", "log/{time}/x"),
        ("log/2026-11-26T12:00:00Z", "log/{time}"),
        ("log/20261126", "log/{time}"),
        ("log/20261126T120000", "log/{time}"),
    ],
)
def test_levels_that_never_repeat_by_what_they_are(topic: str, template: str) -> None:
    assert template_of(topic) == Template(template, True)


@pytest.mark.parametrize(
    ("topic", "template"),
    [("orders/1001/status", "orders/{n}/status"), ("orders/order-1001", "orders/order-{n}")],
)
def test_levels_that_may_count(topic: str, template: str) -> None:
    assert template_of(topic) == Template(template, False)


@pytest.mark.parametrize(
    "topic",
    [
        "plant/boiler/temperature",
        "zigbee2mqtt/0x00158d0001a2b3c4",
        "application/a/device/70b3d57ed0001234/event/up",
        "shellies/shellyplug-A4CF12F45A3B/relay",
        "home/aabbccddeeff/state",
        "deadbeefdeadbeefdeadbeefdeadbeef"[:31],
        "",
        "/",
    ],
)
def test_names_and_addresses_of_things_do_not(topic: str) -> None:
    found = template_of(topic)
    assert found is None or not found.is_certain


def test_the_kind_that_is_certain_leaves_numbers_alone() -> None:
    assert template_of(f"jobs/{UUID}/step/3") == Template("jobs/{uuid}/step/3", True)


def members(number: int, first: float = NOW, lasting: float = 0.0, start: int = 0) -> list[Member]:
    """Each met a second after the one before."""
    return [
        Member(f"orders/{start + place}", first + place, first + place + lasting)
        for place in range(number)
    ]


@pytest.mark.parametrize(
    ("known", "new", "folds"),
    [(0, FOLD_AFTER, True), (FOLD_AFTER - 1, 1, True), (FOLD_AFTER - 2, 1, False)],
)
def test_a_few_dozen_are_folded(known: int, new: int, *, folds: bool) -> None:
    names = [f"jobs/{place}" for place in range(new)]
    assert should_fold(CERTAIN, members(known), names, NOW + 100) == folds


def test_members_that_come_back_are_things_once_they_are_known_for_long() -> None:
    back = members(FOLD_AFTER, lasting=BACK_AFTER)
    later = NOW + KNOWN_FOR + FOLD_AFTER
    assert not are_things(back, later - FOLD_AFTER - 1)
    assert are_things(back, later)
    assert not are_things(members(FOLD_AFTER, lasting=BACK_AFTER - 1), later)
    assert not should_fold(CERTAIN, back, ["jobs/new"], later)


def test_half_of_those_that_come_back_are_enough_and_one_less_is_not() -> None:
    later = NOW + 2 * KNOWN_FOR
    half = FOLD_AFTER // 2
    gone = members(half)
    assert are_things([*gone, *members(half, lasting=BACK_AFTER)], later)
    assert not are_things([*gone, *members(1), *members(half - 1, lasting=BACK_AFTER)], later)


@pytest.mark.parametrize(
    ("start", "lasting", "folds"),
    [(1_001, 0.0, True), (100, 0.0, True), (99, 0.0, False), (1_001, BACK_AFTER, False)],
)
def test_counters_are_folded_when_they_rise_from_high_and_nobody_comes_back(
    start: int, lasting: float, *, folds: bool
) -> None:
    found = members(FOLD_AFTER, lasting=lasting, start=start)
    assert should_fold(COUNTED, found, [f"orders/{start + 500}"], NOW + 100) == folds


def test_small_counters_are_folded_after_a_day() -> None:
    found = members(FOLD_AFTER)
    assert not should_fold(COUNTED, found, ["orders/99"], NOW + 86_399)
    assert should_fold(COUNTED, found, ["orders/99"], NOW + 86_400)


def test_numbers_in_no_order_are_places() -> None:
    found = members(FOLD_AFTER, start=1_001)[::-1]
    assert not should_fold(COUNTED, found, ["orders/5000"], NOW + 100)
    assert not should_fold(COUNTED, members(FOLD_AFTER, start=1_001), ["orders/5"], NOW + 100)
