from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.live.picture import ClientState

SITES = st.integers(1, 4)
ROW = st.fixed_dictionaries(
    {
        "site_id": SITES,
        "status": st.sampled_from(["disconnected", "connecting", "connected", "error"]),
        "is_active": st.booleans(),
        "error_message": st.sampled_from(["", "refused"]),
        "at": st.just("2026-01-01T00:00:00+00:00"),
    }
)


def by_site(rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {row["site_id"]: row for row in rows}


@given(st.lists(ROW), st.lists(ROW))
def test_a_snapshot_and_its_events_give_the_new_snapshot(
    before: list[dict[str, Any]], changes: list[dict[str, Any]]
) -> None:
    picture = ClientState(by_site(before).values(), frozenset({1, 2, 3, 4}))
    for row in changes:
        picture.told({"type": "connection", **row})
    assert picture.rows == by_site(before) | by_site(changes)


@given(st.lists(ROW), st.lists(ROW), st.sets(st.integers(0, 9)))
def test_what_got_lost_is_told_at_the_next_look(
    before: list[dict[str, Any]], changes: list[dict[str, Any]], lost: set[int]
) -> None:
    picture = ClientState(by_site(before).values(), frozenset({1, 2, 3, 4}))
    for number, row in enumerate(changes):
        if number not in lost:
            picture.told({"type": "connection", **row})
    truth = by_site(before) | by_site(changes)
    for event in picture.missed(truth.values()):
        picture.told(event)
    assert {site: picture.rows[site] for site in truth} == truth


@given(st.lists(ROW))
def test_nothing_is_repeated_when_nothing_got_lost(rows: list[dict[str, Any]]) -> None:
    known = by_site(rows).values()
    assert ClientState(known, frozenset()).missed(known) == []


def test_a_flow_message_loses_the_sites_that_the_user_may_not_see() -> None:
    picture = ClientState([], frozenset({2}))
    event = {"type": "flow", "sites": [{"site_id": 1}, {"site_id": 2}], "at": ""}
    assert picture.visible(event) == {"type": "flow", "sites": [{"site_id": 2}], "at": ""}
    assert picture.visible({"type": "flow", "sites": [{"site_id": 1}], "at": ""}) is None


def test_an_event_of_a_foreign_site_is_not_passed_on() -> None:
    assert ClientState([], frozenset({2})).visible({"type": "device", "site_id": 1}) is None


def operation(site_id: int | None, user_id: int | None = 7) -> dict[str, object]:
    return {"type": "operation", "site_id": site_id, "user_id": user_id, "state": "running"}


def test_an_operation_is_for_those_who_see_its_site_and_names_no_user() -> None:
    seen = ClientState([], frozenset({2})).visible(operation(2))
    assert seen == {"type": "operation", "site_id": 2, "state": "running"}
    assert ClientState([], frozenset({1})).visible(operation(2)) is None


def test_an_operation_about_many_sites_is_for_whoever_asked_and_for_those_who_see_everything() -> (
    None
):
    event = operation(None)
    assert ClientState([], frozenset({2}), user_id=7).visible(event) is not None
    assert ClientState([], frozenset({2}), sees_all=True).visible(event) is not None
    assert ClientState([], frozenset({2}), user_id=8).visible(event) is None
    assert ClientState([], frozenset({2})).visible(operation(None, user_id=None)) is None
