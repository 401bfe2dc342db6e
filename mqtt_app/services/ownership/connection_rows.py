"""The rows that a worker compares with what it holds."""

from django.db.models import Exists, FloatField, OuterRef, Q
from django.db.models.functions import Cast, Extract

from mqtt_app.domain.ownership.claims import ConnectionRow
from mqtt_app.models import MqttConnection, Site

# As a subquery on the site alone: a join would move the whole condition of an UPDATE into a
# subquery, where PostgreSQL does not check it again after it waited for a row lock.
WANTED = Q(is_active=True) & Q(Exists(Site.objects.filter(pk=OuterRef("site_id"), is_active=True)))

_COLUMNS = (
    "id",
    "site_id",
    "site__name",
    "site__is_active",
    "is_active",
    "generation",
    "owner",
    "assigned_instance",
    "assigned_epoch",
    "config_version",
)
# a number, because making thousands of datetimes would be most of the cost of a scan
_EPOCH = Cast(Extract("assigned_at", "epoch"), FloatField())


def rows_of(instance_id: str) -> list[ConnectionRow]:
    """Every connection assigned to this instance or owned by it, by id; one query."""
    mine = Q(assigned_instance=instance_id) | Q(owner=instance_id)
    found = MqttConnection.objects.filter(mine).annotate(assigned_epoch=_EPOCH).order_by("id")
    return [_row(*values) for values in found.values_list(*_COLUMNS)]


def _row(  # noqa: PLR0917  one parameter for each of _COLUMNS: a worker reads thousands of rows every few seconds
    number: int,
    site_id: int,
    site_name: str,
    site_is_active: bool,
    is_active: bool,
    generation: int,
    owner: str,
    assigned_instance: str,
    assigned_epoch: float | None,
    config_version: int,
) -> ConnectionRow:
    return ConnectionRow(
        id=number,
        site_id=site_id,
        site_name=site_name,
        wanted=is_active and site_is_active,
        generation=generation,
        owner=owner,
        assigned_instance=assigned_instance,
        assigned_at=assigned_epoch or 0.0,
        config_version=config_version,
    )
