"""A site of which no more may be kept, because a parser fails on everything: its messages are left
to the broker.

They are postponed: the MQTT worker keeps what it has un-acknowledged, reads no more, and offers it
again every 2 s. A site whose paused parser makes something of its messages goes on, and those that
it cannot parse are failed then.
"""

import time
from collections import defaultdict
from collections.abc import Sequence

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.logging_utils import log_connection_event
from mqtt_app.models import LogLevel, MqttConnection, SiteBooks
from mqtt_app.services.ingest import topics as ingest_topics
from mqtt_app.services.ingest.admission.claim import Admission
from mqtt_app.services.ingest.parsing.parsers import can_parse

PROBES = 20  # messages of a batch on which a paused parser is tried
SAY_AGAIN = 60.0  # s between two log rows that say a site is full
_FULL = (
    "{kept:,} messages wait for a parser that fails on everything, which is the limit: nothing more is taken from this"
    " site, and its broker queues what it can. Mend the parser."
)


def hold_back(messages: Sequence[Envelope], context: Admission) -> Sequence[Envelope]:
    """The messages that can be taken; the connections of the others are noted as postponed."""
    full = {
        number
        for number, rules in context.rules.items()
        if rules.is_full and not rules.works_in_part
    }
    if not full:
        return messages
    for connection_id, own in _of_paused_parsers(messages, full, context).items():
        probes = own[:: -(-len(own) // PROBES)]
        if not any(can_parse(message, topic) for message, topic in probes):
            context.postponed.add(connection_id)
            _say(connection_id, context.rules[connection_id].site_id)
    return [message for message in messages if message.connection_id not in context.postponed]


Probe = tuple[Envelope, ingest_topics.Topic]


def _of_paused_parsers(
    messages: Sequence[Envelope], full: set[int], context: Admission
) -> defaultdict[int, list[Probe]]:
    """By connection."""
    suspects = [message for message in messages if message.connection_id in full]
    topics = ingest_topics.find(
        {(message.connection_id, message.topic) for message in suspects}
    ).rows
    found: defaultdict[int, list[Probe]] = defaultdict(list)
    for message in suspects:
        topic = topics.get((message.connection_id, message.topic))
        if topic is not None and topic.parser_name in context.rules[message.connection_id].paused:
            found[message.connection_id].append((message, topic))
    return found


_said: dict[int, float] = {}


def _say(connection_id: int, site_id: int) -> None:
    """In the link's log, at most once a minute and process."""
    if time.monotonic() - _said.get(connection_id, -SAY_AGAIN) >= SAY_AGAIN:
        _said[connection_id] = time.monotonic()
        kept = SiteBooks.objects.values_list("kept", flat=True).get(site=site_id)
        link = MqttConnection(pk=connection_id, site_id=site_id)
        log_connection_event(link, LogLevel.ERROR, _FULL.format(kept=kept))
