"""The last step of everything that stores messages: the accounting, what waited for it, and events
for the browsers.
"""

from collections import defaultdict
from datetime import datetime
from functools import partial

from django.db import transaction

from mqtt_app import events
from mqtt_app.services import accounting
from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.postgres.statements import Later


def close(tally: AccountingTally, now: datetime | None, later: Later) -> None:
    """`now` is None when nothing was received."""
    accounting.write(tally, now, later)
    later.run()
    transaction.on_commit(partial(_publish, tally))


def _publish(tally: AccountingTally) -> None:
    discovered: defaultdict[int, int] = tally.discovered
    for site_id, count in discovered.items():
        events.topic_discovered(site_id=site_id, topics=count)
    for site_id, entry in tally.entries.items():
        events.stored(site_id=site_id, messages=entry.received, readings=entry.readings)
