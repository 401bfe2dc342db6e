"""Log rows. What they belonged to may be gone by the time they are written: then there is nothing
to tell.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model

from mqtt_app.models import MqttConnection, MqttConnectionLog, MqttParsingLog, Site


def write_connection_logs(rows: Iterable[dict[str, Any]]) -> int:
    """Fields of MqttConnectionLog each. Gives how many were written: none whose connection was
    deleted meanwhile.
    """
    made = [MqttConnectionLog(**row) for row in rows]
    known = _known(MqttConnection, {row.connection_id for row in made})
    return _written([row for row in made if row.connection_id in known])


def write_parsing_logs(rows: Iterable[dict[str, Any]]) -> int:
    """Fields of MqttParsingLog each. Gives how many were written: none whose site was deleted
    meanwhile.
    """
    made = [MqttParsingLog(**row) for row in rows]
    known = _known(Site, {row.site_id for row in made})
    return _written([row for row in made if row.site_id in known])


def _known(model: type[Model], ids: set[int]) -> set[int]:
    return set(model._default_manager.filter(pk__in=ids).values_list("pk", flat=True))


def _written(rows: Sequence[Model]) -> int:
    """All in one statement; one by one when something was deleted this very moment."""
    if not rows:
        return 0
    try:
        with transaction.atomic():
            type(rows[0])._default_manager.bulk_create(rows)
            transaction.get_connection().check_constraints()
    except IntegrityError:
        if len(rows) == 1:
            return 0
        return sum(_written([row]) for row in rows)
    return len(rows)
