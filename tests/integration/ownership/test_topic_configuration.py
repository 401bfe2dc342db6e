"""A change of a connection's filters raises its version, and what went is taken back from the session."""

import pytest
from django.utils import timezone

from mqtt_app.domain.link.connection_config import SubackResults
from mqtt_app.domain.ownership.claims import LinkKey
from mqtt_app.models import MqttConnection, MqttTopic
from mqtt_app.services import ownership
from tests.integration.ownership.fleet import fresh, owned
from tests.narrowing import present

pytestmark = pytest.mark.django_db


def version(row: MqttConnection) -> int:
    return fresh(row).config_version


def obsolete(row: MqttConnection) -> list[str]:
    return fresh(row).obsolete_filters


def in_line(row: MqttConnection) -> None:
    """As if the owner had asked for everything."""
    MqttConnection.objects.filter(pk=row.pk).update(
        subscribed_version=version(row), obsolete_filters=[]
    )


# Topics


@pytest.fixture
def row() -> MqttConnection:
    """A connection whose session is in line with its two topics: `a` is asked for, `off` is not."""
    found = owned("mqtt-1")
    MqttTopic.objects.create(connection=found, filter="a")
    MqttTopic.objects.create(connection=found, filter="off", is_active=False)
    ownership.record_suback_results({LinkKey(found.pk, 1): SubackResults({"a": 1})})
    in_line(found)
    return found


def topic(row: MqttConnection, name: str) -> MqttTopic:
    return MqttTopic.objects.get(connection=row, filter=name)


def test_topics_that_the_orm_makes_are_one_change_however_many_they_are(
    row: MqttConnection,
) -> None:
    before = version(row)
    MqttTopic.objects.create(connection=row, filter="b")
    assert version(row) == before + 1
    MqttTopic.objects.bulk_create(
        MqttTopic(connection=row, filter=f"b/{number}") for number in range(500)
    )
    assert version(row) == before + 2
    assert obsolete(row) == []


def test_a_topic_that_is_off_is_no_change_until_it_is_switched_on(row: MqttConnection) -> None:
    before = version(row)
    MqttTopic.objects.create(connection=row, filter="c", is_active=False)
    MqttTopic.objects.filter(filter="c").update(qos=0)
    MqttTopic.objects.filter(filter="c").delete()
    assert version(row) == before
    MqttTopic.objects.filter(filter="off").update(is_active=True)
    assert (version(row), obsolete(row)) == (before + 1, [])


@pytest.mark.parametrize("how", ["update", "save"])
def test_a_filter_that_goes_is_taken_back_from_the_session(row: MqttConnection, how: str) -> None:
    before, gone = version(row), topic(row, "a")
    if how == "update":
        MqttTopic.objects.filter(pk=gone.pk).update(is_active=False)
    else:
        gone.is_active = False
        gone.save()
    assert (version(row), obsolete(row)) == (before + 1, ["a"])


def test_another_filter_is_one_that_went_and_one_that_came(row: MqttConnection) -> None:
    MqttTopic.objects.filter(filter="a").update(filter="new", matched_at=timezone.now())
    assert obsolete(row) == ["a"]
    assert (topic(row, "new").granted_qos, topic(row, "new").matched_at) == (None, None)


def test_another_qos_is_asked_for_and_nothing_is_taken_back(row: MqttConnection) -> None:
    before = version(row)
    MqttTopic.objects.filter(filter="a").update(qos=0)
    assert (version(row), obsolete(row)) == (before + 1, [])
    assert topic(row, "a").granted_qos is None


def test_deleted_topics_are_taken_back_in_one_change(row: MqttConnection) -> None:
    MqttTopic.objects.create(connection=row, filter="b")
    before = version(row)
    MqttTopic.objects.filter(connection=row).delete()
    assert (version(row), sorted(obsolete(row))) == (before + 1, ["a", "b"])


def test_a_topic_that_moves_is_taken_from_one_connection_and_given_to_the_other(
    row: MqttConnection,
) -> None:
    other = owned("mqtt-2")
    before = version(row)
    MqttTopic.objects.filter(filter="a").update(connection=other)
    assert (version(row), obsolete(row)) == (before + 1, ["a"])
    assert (version(other), obsolete(other)) == (2, [])


def test_answers_of_the_broker_and_matches_are_no_change(row: MqttConnection) -> None:
    before = version(row)
    ownership.record_suback_results({LinkKey(row.pk, 1): SubackResults({"a": 0})})
    ownership.record_matches({row.pk: {"a": 1_700_000_000.0}})
    assert version(row) == before


def test_a_stale_topic_takes_back_no_answer(row: MqttConnection) -> None:
    stale = topic(row, "a")
    ownership.record_suback_results({LinkKey(row.pk, 1): SubackResults({"a": 0})})
    before = version(row)
    stale.save()
    assert (topic(row, "a").granted_qos, version(row)) == (0, before)


def test_deleting_a_connection_with_its_topics_works(row: MqttConnection) -> None:
    row.delete()
    assert not MqttTopic.objects.exists()


def test_a_match_is_kept_and_its_time_never_goes_back(row: MqttConnection) -> None:
    for at, written in ((1_700_000_000.0, 1), (1_600_000_000.0, 0), (1_700_000_600.5, 1)):
        assert ownership.record_matches({row.pk: {"a": at, "gone": at}, 0: {"a": at}}) == written
    assert present(topic(row, "a").matched_at).timestamp() == 1_700_000_600.5
