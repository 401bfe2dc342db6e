"""Telling browsers what a write changed, after its commit."""

from collections.abc import Iterable
from functools import partial

from django.db import transaction

from mqtt_app import events
from mqtt_app.models import MqttConnection

_COLUMNS = ("site_id", "status", "is_active", "error_class", "error_message")


def announce(connection_ids: Iterable[int]) -> None:
    """One connection event each, with the values that this transaction leaves behind; one query."""
    ids = list(connection_ids)
    if not ids:
        return
    for values in MqttConnection.objects.filter(pk__in=ids).order_by("id").values(*_COLUMNS):
        transaction.on_commit(partial(events.connection_changed, **values))
