"""Dead letters that were not parsed: they killed their parser, or the database refused them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from django.db import connection, transaction

from mqtt_app.domain.accounting import Term
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.ingest.samples import storable
from mqtt_app.models import QuarantinedMessage
from mqtt_app.services import accounting, audit
from mqtt_app.services.accounting import AccountingTally


def write(messages: Sequence[Envelope], reason: str, tally: AccountingTally) -> None:
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
        tally.add(message.site_id, Term.QUARANTINED)


_ASK = """
WITH taken AS (
    DELETE FROM mqtt_quarantinedmessage q USING mqtt_mqttconnection c
    WHERE q.id = ANY(%s) AND c.site_id = q.site_id RETURNING q.*, c.id AS connection_id
), kept AS (
    INSERT INTO mqtt_keptmessage (state, created_at, tries, site_id, connection_id, topic, payload,
        qos, retain, received_at, parser_name, error)
    SELECT 'again', %s, 0, q.site_id, q.connection_id, q.topic, q.payload, q.qos, false,
        q.received_at,
        coalesce((SELECT t.parser_name FROM mqtt_discoveredtopic t
                  WHERE t.connection_id = q.connection_id AND md5(t.topic) = md5(q.topic)),
            ''), q.reason
    FROM taken q ORDER BY q.id
)
SELECT site_id, count(*), sum(octet_length(payload)) FROM taken GROUP BY site_id
"""


def parse_again(ids: Iterable[int], now: datetime) -> int:
    """Have these parsed soon, in a process that may die of it. Gives their number."""
    total = 0
    with transaction.atomic(), connection.cursor() as cursor:
        tally = AccountingTally()
        asked = list(ids)
        audit.record_by_site(
            "parsed again", QuarantinedMessage, asked
        )  # before they move to another table
        cursor.execute(_ASK, [asked, now])
        for site_id, count, size in cursor.fetchall():
            total += count
            tally.add(site_id, Term.QUARANTINED, -count)
            tally.keep(site_id, count, int(size))
        accounting.move(tally)
    return total
