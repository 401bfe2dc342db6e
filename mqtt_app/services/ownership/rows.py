"""The rows that a worker compares with what it holds."""

import msgspec
from django.db.models import Exists, OuterRef, Q

from mqtt_app.models import MqttConnection, Site

# As a subquery on the site alone: a join would move the whole condition of an UPDATE into a subquery, where PostgreSQL
# does not check it again after it waited for a row lock.
WANTED = Q(is_active=True) & Q(Exists(Site.objects.filter(pk=OuterRef("site_id"), is_active=True)))


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


_COLUMNS = ("is_active", "generation", "owner", "assigned_instance", "assigned_at", "config_version")


def rows_of(instance_id: str) -> list[ConnectionRow]:
    """Every connection assigned to this instance or owned by it, by id; one query."""
    mine = Q(assigned_instance=instance_id) | Q(owner=instance_id)
    found = MqttConnection.objects.filter(mine).select_related("site").order_by("id")
    return [_row(row) for row in found.only(*_COLUMNS, "site__name", "site__is_active")]


def homeless_exist() -> bool:
    """Is any wanted connection neither owned by nor assigned to anybody? One cheap query."""
    return MqttConnection.objects.filter(WANTED, owner="", assigned_instance="").exists()


def _row(row: MqttConnection) -> ConnectionRow:
    return ConnectionRow(
        id=row.pk,
        site_id=row.site_id,
        site_name=row.site.name,
        wanted=row.is_active and row.site.is_active,
        generation=row.generation,
        owner=row.owner,
        assigned_instance=row.assigned_instance,
        assigned_at=row.assigned_at.timestamp() if row.assigned_at else 0.0,
        config_version=row.config_version,
    )
