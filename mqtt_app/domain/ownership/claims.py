"""What an instance reads to decide what to claim and release, and what its writes come to."""

from typing import NamedTuple

import msgspec


class LinkKey(NamedTuple):
    """The owner of one generation of a connection: who reports."""

    connection_id: int
    generation: int


class ConnectionRow(msgspec.Struct, frozen=True):
    """`wanted`: connection and site are both active. `assigned_at`: unix seconds, 0 for never."""

    id: int
    site_id: int
    site_name: str
    wanted: bool
    generation: int
    owner: str
    assigned_instance: str
    assigned_at: float
    config_version: int


class WrittenStatuses(msgspec.Struct, frozen=True):
    """`lost`: newer owners exist (or the row is gone), so these links have to be closed. `busy`: the
    row is locked by another writer just now; to be reported again.
    """

    lost: frozenset[LinkKey] = frozenset()
    busy: frozenset[LinkKey] = frozenset()
