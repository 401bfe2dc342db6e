"""Sites whose messages are left to their broker for now, because a parser fails on everything and
no more dead letters may wait for it.

The MQTT worker keeps a postponed site's messages un-acknowledged, reads no more, and offers them
again every 2 s. A site whose paused parser makes something of its messages goes on, and those that
it cannot parse are failed then.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.logging_utils import log_connection_event
from mqtt_app.models import LogLevel, MqttConnection, SiteBooks
from mqtt_app.services.ingest.parsing import parsers
from mqtt_app.services.ingest.records import Topic, topic_key
from mqtt_app.services.ingest.repeats import OncePerMinute
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.ingest.topics import rows

PROBES = 20  # messages of a batch on which a paused parser is tried
_FULL = (
    "{waiting:,} messages wait for a parser that fails on everything, which is the limit: nothing"
    " more is taken from this site, and its broker queues what it can. Mend the parser."
)

_notices = OncePerMinute()


class PausedProbe(msgspec.Struct, frozen=True):
    message: Envelope
    topic: Topic


def accept(messages: Sequence[Envelope], run: Run) -> Sequence[Envelope]:
    """The messages that can be taken; the connections of the others are postponed."""
    full = {
        connection_id
        for connection_id, rules in run.rules.items()
        if rules.is_full and not rules.works_in_part
    }
    if not full:
        return messages
    for connection_id, probes in _of_paused_parsers(messages, full, run).items():
        step = -(-len(probes) // PROBES)
        rules = run.rules[connection_id]
        known = parsers.of(rules)
        if not any(
            parsers.can_parse(probe.message, probe.topic, known) for probe in probes[::step]
        ):
            run.postponed.add(connection_id)
            _log(connection_id, rules.site_id)
    return [message for message in messages if message.connection_id not in run.postponed]


def _of_paused_parsers(
    messages: Sequence[Envelope], full: set[int], run: Run
) -> Mapping[int, list[PausedProbe]]:
    """By connection."""
    suspects = [message for message in messages if message.connection_id in full]
    topics = rows.find({topic_key(message) for message in suspects}, run.memory).rows
    found: defaultdict[int, list[PausedProbe]] = defaultdict(list)
    for message in suspects:
        topic = topics.get(topic_key(message))
        if topic is not None and topic.parser_name in run.rules[message.connection_id].paused:
            found[message.connection_id].append(PausedProbe(message, topic))
    return found


def _log(connection_id: int, site_id: int) -> None:
    if _notices.is_due(connection_id):
        waiting = SiteBooks.objects.values_list("kept", flat=True).get(site=site_id)
        link = MqttConnection(pk=connection_id, site_id=site_id)
        log_connection_event(link, LogLevel.ERROR, _FULL.format(waiting=waiting))
