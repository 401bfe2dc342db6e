"""A database that refuses one message, by triggers, at any table and with any error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from mqtt_app.domain.delivery.messages import Batch, Envelope
from mqtt_app.models import DeadLetter, MqttConnection, MqttParsingLog, Reading
from mqtt_app.services.ingest.pipeline import Outcome
from tests.integration.ingest.test_store import batch, books, message

POISON = "hall/poison"
TOPIC = f"NEW.topic = '{POISON}'"
TEXT = "NEW.text = 'poison'"

_FUNCTION = """
CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the trigger refuses it' USING ERRCODE = TG_ARGV[0]; END $$;
"""
_TRIGGER = """
CREATE TRIGGER refuse_poison_{number} BEFORE {event} ON {table} FOR EACH ROW WHEN ({condition})
EXECUTE FUNCTION refuse_poison('{code}')
"""


@contextmanager
def refusing(*refusals: tuple[str, str, str], code: str = "22023") -> Iterator[None]:
    """`refusals`: (table, INSERT or UPDATE, condition on NEW); gone at the end."""
    with connection.cursor() as cursor:
        cursor.execute(_FUNCTION)
        for number, (table, event, condition) in enumerate(refusals):
            cursor.execute(
                _TRIGGER.format(
                    number=number, table=table, event=event, condition=condition, code=code
                )
            )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION refuse_poison CASCADE")


def good(link: MqttConnection, count: int = 3) -> list[Envelope]:
    return [message(link, f"hall/{number}", {"v": number}) for number in range(count)]


def with_poison(link: MqttConnection, healthy: MqttConnection, topic: str, payload: Any) -> Batch:
    """The poison between good messages of its own site, and all of that between those of another
    one.
    """
    return batch(
        *good(healthy), *good(link), message(link, topic, payload), *good(link), *good(healthy)
    )


def assert_only_the_poison_was_put_aside(
    link: MqttConnection, healthy: MqttConnection, outcome: Outcome, topic: str = POISON
) -> MqttParsingLog:
    assert outcome.refused == {link.pk}
    assert outcome.postponed == frozenset()
    assert books(healthy) == {"stored": 6}
    assert books(link) == {"stored": 6, "quarantined": 1}
    assert Reading.objects.count() == 12
    letter = DeadLetter.objects.get()
    assert (letter.site_id, letter.topic) == (link.site_id, topic)
    row = MqttParsingLog.objects.get(site=link.site_id)
    assert row.topic == topic
    assert row.error_message == letter.error
    return row
