"""Log rows. What they belonged to may be gone by the time they are written: then there is nothing to tell."""

from typing import Any

from django.db import IntegrityError, transaction

from mqtt_app.models import MqttConnectionLog, MqttParsingLog


def write_connection_log(**row: Any) -> bool:
    """Fields of MqttConnectionLog. False when the connection was deleted meanwhile."""
    return _written(MqttConnectionLog(**row))


def write_parsing_log(**row: Any) -> bool:
    """Fields of MqttParsingLog. False when the site was deleted meanwhile."""
    return _written(MqttParsingLog(**row))


def _written(row: MqttConnectionLog | MqttParsingLog) -> bool:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            transaction.get_connection().check_constraints()
    except IntegrityError:
        return False
    return True
