"""Messages that no parser survived, kept as they came."""

from collections.abc import Sequence
from datetime import UTC, datetime

from mqtt_app.domain.messages import Envelope
from mqtt_app.domain.samples import storable
from mqtt_app.models import QuarantinedMessage
from mqtt_app.services.ingest_books import Tally


def put_aside(messages: Sequence[Envelope], reason: str, tally: Tally) -> None:
    rows = [
        QuarantinedMessage(
            site_id=message.site_id,
            topic=storable(message.topic),
            payload=message.payload,
            qos=message.qos,
            received_at=datetime.fromtimestamp(message.received_at, UTC),
            reason=reason,
        )
        for message in messages
    ]
    QuarantinedMessage.objects.bulk_create(rows)
    for message in messages:
        tally.add(message.site_id, "quarantined")
