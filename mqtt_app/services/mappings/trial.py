"""What a mapping makes of stored samples, beside what their present parsers make of them. Nothing
is stored.
"""

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import Fact, FieldProblem, ParseError, ReadingFact
from mqtt_app.domain.mapping_trial import (
    ComparedSample,
    MappingTrial,
    ParserOutcome,
    SampleReading,
)
from mqtt_app.models import DiscoveredTopic, Site, TopicSample
from mqtt_app.parsers import registry
from mqtt_app.parsers.base import Message, Parser
from mqtt_app.parsers.mapping.levels import level_pattern
from mqtt_app.parsers.mapping.parser import MappingParser
from mqtt_app.parsers.mapping.proposing.propose import MappingProposal, MappingSample, propose
from mqtt_app.selectors.samples import samples_matching
from mqtt_app.services.ingest.parsing.mapped import version_now
from mqtt_app.services.ingest.parsing.parsers import of_site
from mqtt_app.services.mappings.rows import compiled

TRIED = 500  # samples, the newest
SECONDS = 5.0  # after which no further sample is tried
SHOWN_READINGS = 100  # of each sample
SHOWN_TEXT = 200  # characters of a value
ANONYMOUS = "mapping"  # as the parser of a definition that has no name yet


class ProposedMapping(msgspec.Struct, frozen=True):
    """`samples`: how many it was made from."""

    proposal: MappingProposal
    samples: int


def propose_for(site: Site, topic_filter: str) -> ProposedMapping:
    """From the stored samples of a filter. Raises MappingError."""
    rows = samples_matching(site.pk, level_pattern(topic_filter).topic_filter)[:TRIED]
    samples = [MappingSample(row.name, bytes(row.payload)) for row in rows if not row.is_cut]
    return ProposedMapping(propose(topic_filter, samples), len(samples))


def try_definition(site: Site, definition: Any) -> MappingTrial:
    """Over the stored samples of its filter. Raises MappingError."""
    parser = compiled(definition)
    rows = list(samples_matching(site.pk, parser.topic_filter)[:TRIED])
    present = _PresentParsers(site, rows)
    trial = MappingTrial()
    deadline = time.monotonic() + SECONDS
    for row in rows:
        if row.is_cut:
            trial.cut += 1
        elif time.monotonic() >= deadline:
            trial.more += 1
        else:
            trial.add(_compared(row, parser, present, site.time_zone))
    return trial


class _PresentParsers:
    """Who reads the topics of these samples now."""

    def __init__(self, site: Site, rows: Sequence[TopicSample]) -> None:
        topics = DiscoveredTopic.objects.filter(
            pk__in={row.topic_id for row in rows}, is_processable=True
        )
        self._names = dict(topics.values_list("pk", "parser_name"))
        self._known = of_site(site.pk, version_now(site.pk))

    def name_for(self, row: TopicSample) -> str:
        """ "" when none does."""
        return self._names.get(row.topic_id, "")

    def parser_for(self, row: TopicSample) -> Parser | None:
        return self._known.get(self.name_for(row))


def _compared(
    row: TopicSample, parser: MappingParser, present: _PresentParsers, time_zone: str
) -> ComparedSample:
    at = row.received_at.timestamp()
    message = Message(row.name, bytes(row.payload), at, row.retain, time_zone)
    return ComparedSample(
        id=row.pk,
        topic=row.name,
        received_at=at,
        mapping=_outcome(parser, ANONYMOUS, message),
        present=_outcome(present.parser_for(row), present.name_for(row), message),
    )


def _outcome(parser: Parser | None, name: str, message: Message) -> ParserOutcome:
    if parser is None:
        return ParserOutcome(name)
    try:
        facts = registry.run(parser, message)
    except ParseError as error:
        return ParserOutcome(name, error=str(error))
    readings = [_reading(fact) for fact in facts if isinstance(fact, ReadingFact)]
    return ParserOutcome(name, tuple(readings), _problems(facts))


def _problems(facts: Sequence[Fact]) -> tuple[str, ...]:
    found = [fact for fact in facts if isinstance(fact, FieldProblem)]
    return tuple(dict.fromkeys(f"{fact.field}: {fact.reason}" for fact in found))[:SHOWN_READINGS]


def _reading(fact: ReadingFact) -> SampleReading:
    value = fact.value
    if isinstance(value, bytes):
        value = value.hex()
    if isinstance(value, str):
        value = value[:SHOWN_TEXT]
    return SampleReading(fact.device, fact.metric, value, fact.unit, fact.time)
