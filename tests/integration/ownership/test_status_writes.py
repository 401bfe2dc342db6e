"""The one statement that writes the status of connections."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from mqtt_app import events
from mqtt_app.models import MqttConnection
from mqtt_app.services.ownership.status import StatusWrite, write_statuses
from tests.integration.ownership.fleet import ago, fresh, owned
from tests.narrowing import present

pytestmark = pytest.mark.django_db


@pytest.fixture
def published(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> Callable[..., tuple[frozenset[int], list[dict[str, Any]]]]:
    """`published(writes)`: the ids that changed, and the events that browsers get."""

    def write(*writes: StatusWrite) -> tuple[frozenset[int], list[dict[str, Any]]]:
        told: list[dict[str, Any]] = []
        monkeypatch.setattr(events, "connection_changed", lambda **values: told.append(values))
        with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
            changed = write_statuses(writes, timezone.now())
        return changed, told

    return write


def test_only_the_row_of_this_generation_is_written_and_no_neighbour(
    published: Callable[..., tuple[frozenset[int], list[dict[str, Any]]]],
) -> None:
    row, neighbour = owned("mqtt-1"), owned("mqtt-1")
    assert published(StatusWrite(row.pk, 2, "error", "network", "late")) == (frozenset(), [])
    changed, events = published(StatusWrite(row.pk, 1, "error", "network", "no route"))
    assert changed == {row.pk}
    assert [(event["site_id"], event["error_message"]) for event in events] == [
        (row.site_id, "no route")
    ]
    assert (fresh(row).status, fresh(neighbour).status) == ("error", "connected")


def test_what_is_none_is_kept_with_its_time(
    published: Callable[..., tuple[frozenset[int], list[dict[str, Any]]]],
) -> None:
    before = ago(100)
    row = owned("mqtt-1", error_class="tls", error_message="old", error_at=before, retry_count=7)
    published(StatusWrite(row.pk, 1, "disconnected"))
    found = fresh(row)
    assert (found.error_class, found.error_message, found.error_at, found.retry_count) == (
        "tls",
        "old",
        before,
        7,
    )


def test_an_equal_error_keeps_its_time_and_an_empty_one_has_none(
    published: Callable[..., tuple[frozenset[int], list[dict[str, Any]]]],
) -> None:
    row = owned("mqtt-1")
    published(StatusWrite(row.pk, 1, "error", "network", "no route"))
    first = fresh(row).error_at
    assert first is not None
    assert published(StatusWrite(row.pk, 1, "error", "network", "no route")) == (frozenset(), [])
    assert fresh(row).error_at == first
    published(StatusWrite(row.pk, 1, "error", "network", "another"))
    assert present(fresh(row).error_at) > first
    published(StatusWrite(row.pk, 1, "connected", "", "", connected_at=timezone.now()))
    assert fresh(row).error_at is None


def test_what_browsers_do_not_show_is_written_without_an_event(
    published: Callable[..., tuple[frozenset[int], list[dict[str, Any]]]],
) -> None:
    row = owned("mqtt-1")
    changed, events = published(StatusWrite(row.pk, 1, "connected", "", "", retry_count=3))
    assert (changed, events, fresh(row).retry_count) == (frozenset({row.pk}), [], 3)


def test_many_rows_are_one_statement_and_one_that_looks_for_operations(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    rows = [owned("mqtt-1") for _ in range(20)]
    writes = [StatusWrite(row.pk, 1, "error", "network", "no route") for row in rows]
    with django_assert_num_queries(2):
        assert len(write_statuses(writes, timezone.now())) == 20
    with django_assert_num_queries(1):
        assert write_statuses(writes, timezone.now()) == frozenset()
    with django_assert_num_queries(0):
        assert write_statuses([], timezone.now()) == frozenset()
    assert set(MqttConnection.objects.values_list("status", flat=True)) == {"error"}
