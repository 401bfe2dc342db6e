"""The rows of connections as the MQTT runtime sees them: the same of the database and of the memory
that the runtime's tests bring instead.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from mqtt_app.domain.link.connection_config import LinkStatus, SubackResults
from mqtt_app.domain.ownership.claims import LinkKey
from mqtt_app.models import MqttTopic
from mqtt_app.mqtt.connection_store import ConnectionStore
from mqtt_app.services import ownership
from tests.integration.ownership import fleet
from tests.integration.runtime import world

pytestmark = pytest.mark.django_db

ME = "mqtt-1"


@dataclass
class Rows:
    """One connection, assigned to `ME`: its id, and its status as people see it."""

    store: ConnectionStore
    id: int
    status: Callable[[], str]

    @property
    def generation(self) -> int:
        (row,) = self.store.rows_of(ME)
        return row.generation


@pytest.fixture(params=["fake", "real"])
def rows(request: pytest.FixtureRequest) -> Rows:
    if request.param == "fake":
        memory = world.World()
        memory.add(world.connection(1, 1883))
        return Rows(memory, 1, lambda: memory.status(1))
    row = fleet.connection(assigned_instance=ME)
    MqttTopic.objects.create(connection=row, filter="#")
    return Rows(ownership, row.pk, lambda: str(fleet.fresh(row).status))


def claim(rows: Rows) -> int:
    (config,) = rows.store.claim_all({rows.id: rows.generation}, ME)
    return config.generation


def test_a_claim_makes_an_owner_one_generation_later(rows: Rows) -> None:
    before = rows.generation
    assert claim(rows) == before + 1
    (row,) = rows.store.rows_of(ME)
    assert (row.id, row.owner, row.generation, row.wanted) == (rows.id, ME, before + 1, True)


def test_a_claim_of_another_generation_gives_nothing(rows: Rows) -> None:
    generation = claim(rows)
    assert rows.store.claim_all({rows.id: generation - 1}, ME) == []
    assert rows.generation == generation


def test_a_release_leaves_no_owner_and_a_link_that_is_down(rows: Rows) -> None:
    generation = claim(rows)
    rows.store.record_statuses({LinkKey(rows.id, generation): LinkStatus("connected")})
    assert rows.status() == "connected"
    assert rows.store.release_all({rows.id: generation}, ME) == frozenset()
    (row,) = rows.store.rows_of(ME)
    assert (row.owner, rows.status()) == ("", "disconnected")


def test_a_status_that_comes_after_the_release_is_lost(rows: Rows) -> None:
    generation = claim(rows)
    rows.store.release_all({rows.id: generation}, ME)
    key = LinkKey(rows.id, generation)
    assert rows.store.record_statuses({key: LinkStatus("connected")}).lost == {key}
    assert rows.status() == "disconnected"


def test_settings_are_those_of_one_generation(rows: Rows) -> None:
    generation = claim(rows)
    config = rows.store.config_of(rows.id, generation)
    assert config is not None
    assert (config.id, config.generation, config.filter_names) == (rows.id, generation, ("#",))
    assert rows.store.config_of(rows.id, generation - 1) is None


def test_the_next_owner_knows_what_the_broker_granted_and_that_its_session_is_in_line(
    rows: Rows,
) -> None:
    generation = claim(rows)
    config = rows.store.config_of(rows.id, generation)
    assert config is not None
    results = SubackResults({"#": 1}, synced_version=config.config_version)
    assert rows.store.record_suback_results({LinkKey(rows.id, generation): results}) == 1
    rows.store.release_all({rows.id: generation}, ME)
    (following,) = rows.store.claim_all({rows.id: generation}, ME)
    assert following.granted == {"#"}
    assert following.subscribed_version == following.config_version


def test_a_refused_filter_is_not_granted(rows: Rows) -> None:
    generation = claim(rows)
    key = LinkKey(rows.id, generation)
    rows.store.record_suback_results({key: SubackResults({"#": 0x87})})
    config = rows.store.config_of(rows.id, generation)
    assert config is not None
    assert config.granted == frozenset()
    assert config.subscribed_version != config.config_version
