"""Connections read without their secrets: nobody decrypts what nobody asks for, and a lost key
stops nothing else.
"""

from typing import Any

from django.db.models import QuerySet

from mqtt_app.models import MqttConnection
from mqtt_app.models.fields import UndecryptableError

SECRETS = ("password", "tls_client_key")


def without_secrets() -> QuerySet[MqttConnection]:
    """A secret is fetched when it is touched."""
    return MqttConnection.objects.defer(*SECRETS)


def legible(connection: MqttConnection, field: str) -> Any:
    """The field's value; None for a secret that was written under a key that is gone."""
    try:
        return getattr(connection, field)
    except UndecryptableError:
        return None
