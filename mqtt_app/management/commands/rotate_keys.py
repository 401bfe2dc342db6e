"""Encrypt every stored secret again with the first key, so that the last ones can be taken out of
the environment.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, models, transaction

from mqtt_app.models import MqttConnection
from mqtt_app.models.fields import EncryptedTextField, UndecryptableError
from mqtt_app.services import audit


class Command(BaseCommand):
    help = "Encrypt all stored secrets with the first of FIELD_ENCRYPTION_KEYS. Safe to run again, and while in use."

    def handle(self, *args: Any, **options: Any) -> None:
        fields = [
            field.name
            for field in MqttConnection._meta.fields
            if isinstance(field, EncryptedTextField)
        ]
        try:
            ids = list(MqttConnection.objects.values_list("pk", flat=True))
            # Before the rows, each of which has a transaction of its own: what was begun is on
            # record.
            audit.record_many("keys rotated", MqttConnection, ids, details={"fields": fields})
            done = sum(_rotate(pk, fields) for pk in ids)
        except UndecryptableError as error:
            raise CommandError(
                f"{error}. Put the key it was written with back, at the end of the list."
            ) from None
        self.stdout.write(f"{done} connections: {', '.join(fields)} now under the first key.")


@transaction.atomic
def _rotate(connection_id: int, fields: list[str]) -> int:
    """The values stay the same, so no link is disturbed. 0 when the row went away meanwhile."""
    with connection.cursor() as cursor:  # for the trigger that sees another ciphertext
        cursor.execute("SELECT set_config('sitewire.keys_rotate', 'on', true)")
    rows: models.QuerySet[MqttConnection] = MqttConnection.objects.filter(pk=connection_id)
    values = rows.select_for_update().values(*fields).first()
    if values:
        return rows.update(**values)
    return 0
