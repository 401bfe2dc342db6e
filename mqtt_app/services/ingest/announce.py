"""Events for the browsers about what a run stored."""

from functools import partial

from django.db import transaction

from mqtt_app import events
from mqtt_app.services.accounting import AccountingTally


def announce(tally: AccountingTally) -> None:
    """On commit."""
    transaction.on_commit(partial(_publish, tally))


def _publish(tally: AccountingTally) -> None:
    for site_id, count in tally.discovered.items():
        events.topic_discovered(site_id=site_id, topics=count)
    for site_id, entry in tally.entries.items():
        events.stored(site_id=site_id, messages=entry.received, readings=entry.readings)
