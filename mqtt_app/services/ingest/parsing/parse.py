"""Messages to facts, by the parser of their topic."""

from collections.abc import Sequence

from mqtt_app.domain.accounting import Term
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import ParseError
from mqtt_app.parsers.registry import Registry
from mqtt_app.services.dead_letters.parsing_log import ParseFailure
from mqtt_app.services.ingest.parsing import parsers
from mqtt_app.services.ingest.parsing.facts import BatchFacts
from mqtt_app.services.ingest.records import topic_key
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.ingest.topics.rows import Topics


def parse(messages: Sequence[Envelope], topics: Topics, run: Run) -> BatchFacts:
    """Facts of every message whose topic has both flags. The rest is counted by what kept it out."""
    facts = BatchFacts()
    installed = parsers.installed()
    for message in messages:
        topic = topics.rows.get(topic_key(message))
        if topic is None:
            run.tally.drop(message.site_id, topics.why_missing(message))
        elif not topic.is_processable:
            run.tally.add(message.site_id, Term.UNPROCESSABLE)
        elif not topic.is_active:
            run.tally.add(message.site_id, Term.INACTIVE)
        else:
            _parse(message, topic.parser_name, installed, facts)
    return facts


def _parse(message: Envelope, name: str, installed: Registry, facts: BatchFacts) -> None:
    parser = installed.get(name)
    try:
        if parser is None:
            raise installed.absence(name)
        facts.add(message, name, parsers.run(parser, message))
    except ParseError as error:
        facts.failures.append(ParseFailure(message, name, error))
