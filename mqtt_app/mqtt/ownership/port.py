"""What the supervisor needs of the database, in one object."""

from collections.abc import Mapping

from mqtt_app.services import ownership
from mqtt_app.services.ownership import (
    Answers,
    ConnectionConfig,
    ConnectionRow,
    Key,
    LinkStatus,
    Matches,
    WrittenStatuses,
)


class DatabaseOwnership:
    """`services.ownership` as methods."""

    def rows_of(self, instance_id: str) -> list[ConnectionRow]:
        return ownership.rows_of(instance_id)

    def take_all(self, wanted: Mapping[int, int], instance_id: str) -> list[ConnectionConfig]:
        return ownership.take_all(wanted, instance_id)

    def let_go_all(self, held: Mapping[int, int], instance_id: str) -> frozenset[int]:
        return ownership.let_go_all(held, instance_id)

    def config_of(self, connection_id: int, generation: int) -> ConnectionConfig | None:
        return ownership.config_of(connection_id, generation)

    def record_statuses(self, said: Mapping[Key, LinkStatus]) -> WrittenStatuses:
        return ownership.record_statuses(said)

    def record_answers(self, said: Mapping[Key, Answers]) -> int:
        return ownership.record_answers(said)

    def record_matches(self, matches: Matches) -> int:
        return ownership.record_matches(matches)
