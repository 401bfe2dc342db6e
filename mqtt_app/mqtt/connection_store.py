"""The port to the connections' rows: all that the runtime reads from and writes to the database.

`mqtt_app.services.ownership` is the real one, as a module; tests bring one that keeps everything in
memory. Every method may raise django.db.Error.
"""

from collections.abc import Mapping
from typing import Protocol

from mqtt_app.domain.link.connection_config import (
    ConnectionConfig,
    FilterMatches,
    LinkStatus,
    SubackResults,
)
from mqtt_app.domain.ownership.claims import ConnectionRow, LinkKey, WrittenStatuses


class ConnectionStore(Protocol):
    def rows_of(self, instance_id: str) -> list[ConnectionRow]:
        """Every connection assigned to this instance or owned by it."""
        ...

    def claim_all(self, wanted: Mapping[int, int], instance_id: str) -> list[ConnectionConfig]:
        """Become the owner of these, connection id -> generation; gives those that are ours now."""
        ...

    def release_all(self, held: Mapping[int, int], instance_id: str) -> frozenset[int]:
        """Cease to be the owner of these; gives those whose rows are locked, to be tried again."""
        ...

    def config_of(self, connection_id: int, generation: int) -> ConnectionConfig | None:
        """The settings as they are now, None when the row is of another generation. Raises
        UndecryptableError when no key decrypts its secrets.
        """
        ...

    def record_statuses(self, reported: Mapping[LinkKey, LinkStatus]) -> WrittenStatuses: ...

    def record_suback_results(self, reported: Mapping[LinkKey, SubackResults]) -> int: ...

    def record_matches(self, matches: FilterMatches) -> int: ...
