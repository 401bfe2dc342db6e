"""What many links report at once is what each would have reported, and nobody else's row is
touched.
"""

import threading
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from mqtt_app import events
from mqtt_app.domain.link.connection_config import LinkStatus, SubackResults
from mqtt_app.domain.ownership.claims import LinkKey, WrittenStatuses
from mqtt_app.models import MqttConnection, MqttTopic
from mqtt_app.services import ownership
from tests.integration.ownership.fleet import fresh, owned

UP = LinkStatus("connected", retry_count=3)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What browsers were told."""
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(events, "connection_changed", lambda **values: heard.append(values))
    return heard


@pytest.mark.django_db
def test_each_row_gets_its_own_words_and_those_of_others_are_named() -> None:
    mine, moved, free = owned("mqtt-1", error_message="old"), owned("mqtt-2"), owned("mqtt-1")
    MqttConnection.objects.filter(pk=moved.pk).update(generation=2)
    MqttConnection.objects.filter(pk=free.pk).update(owner="")
    no = LinkStatus("error", "network", "no route")
    written = ownership.record_statuses(
        {
            LinkKey(mine.pk, 1): UP,
            LinkKey(moved.pk, 1): no,
            LinkKey(free.pk, 1): no,
            LinkKey(0, 1): no,
        }
    )
    assert written == WrittenStatuses(
        lost=frozenset({LinkKey(moved.pk, 1), LinkKey(free.pk, 1), LinkKey(0, 1)})
    )
    assert (fresh(mine).status, fresh(mine).error_message, fresh(mine).retry_count) == (
        "connected",
        "",
        3,
    )
    assert {fresh(row).error_message for row in (moved, free)} == {""}


@pytest.mark.django_db
def test_browsers_hear_of_what_they_show_and_of_nothing_else(
    said: list[dict[str, Any]], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    quiet, loud = owned("mqtt-1"), owned("mqtt-1")
    with django_capture_on_commit_callbacks(execute=True):
        ownership.record_statuses(
            {
                LinkKey(quiet.pk, 1): UP,
                LinkKey(loud.pk, 1): LinkStatus("error", "network", "no route"),
            }
        )
    assert [(one["site_id"], one["status"], one["error_message"]) for one in said] == [
        (loud.site_id, "error", "no route")
    ]
    assert fresh(quiet).retry_count == 3


@pytest.mark.django_db
def test_the_number_of_statements_does_not_grow_with_the_links(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    rows = [owned("mqtt-1") for _ in range(30)]
    for row in rows:
        MqttTopic.objects.create(connection=row, filter="#")
    with django_assert_max_num_queries(4):
        ownership.record_statuses({LinkKey(row.pk, 1): UP for row in rows})
    with django_assert_max_num_queries(2):
        assert (
            ownership.record_suback_results(
                {LinkKey(row.pk, 1): SubackResults({"#": 1, "gone": 1}, 1) for row in rows}
            )
            == 30
        )


@pytest.mark.django_db
def test_a_grant_of_a_past_owner_is_not_written() -> None:
    mine, moved = owned("mqtt-1"), owned("mqtt-2")
    for row in (mine, moved):
        MqttTopic.objects.create(connection=row, filter="#")
    assert (
        ownership.record_suback_results(
            {
                LinkKey(mine.pk, 1): SubackResults({"#": 0}),
                LinkKey(moved.pk, 0): SubackResults({"#": 0}),
            }
        )
        == 1
    )
    assert mine.topics.get().granted_qos == 0
    assert moved.topics.get().granted_qos is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("generation", "version", "in_line"), [(1, 3, True), (0, 3, False), (1, 2, False)]
)
def test_a_session_is_in_line_by_word_of_its_owner_and_of_the_present_filters_only(
    generation: int, version: int, in_line: bool
) -> None:
    row = owned("mqtt-1")
    MqttConnection.objects.filter(pk=row.pk).update(config_version=3, obsolete_filters=["gone"])
    ownership.record_suback_results({LinkKey(row.pk, generation): SubackResults({}, version)})
    config = ownership.config_of(row.pk, 1)
    assert config is not None
    assert (config.subscribed_version, config.obsolete_filters) == (
        (3, ()) if in_line else (0, ("gone",))
    )


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_has_locked_holds_up_no_other() -> None:
    locked, other = owned("mqtt-1"), owned("mqtt-1")
    answers: list[WrittenStatuses] = []

    def write() -> None:
        answers.append(
            ownership.record_statuses({LinkKey(locked.pk, 1): UP, LinkKey(other.pk, 1): UP})
        )
        database.close()

    with transaction.atomic():
        MqttConnection.objects.select_for_update().get(pk=locked.pk)
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(10)
    assert answers == [WrittenStatuses(busy=frozenset({LinkKey(locked.pk, 1)}))]
    assert (fresh(locked).retry_count, fresh(other).retry_count) == (0, 3)
