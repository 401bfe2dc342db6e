"""A mapping as a parser: the records of a message, and the facts of each."""

from collections.abc import Sequence
from typing import Any

from mqtt_app.domain.facts import Fact, ParseError
from mqtt_app.domain.topics import matches
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.json_tree import invalid
from mqtt_app.parsers.mapping.compiled import compile_mapping
from mqtt_app.parsers.mapping.definition import MappingDefinition
from mqtt_app.parsers.mapping.expressions import NoAnswerError, StepBudget
from mqtt_app.parsers.mapping.payloads import tree_of
from mqtt_app.parsers.mapping.records import MessageScope, RecordMapper

SURE = 1.0  # a person wrote the mapping for these topics, so no built-in parser is surer
MAX_RECORDS = 10_000  # of one message


class MappingParser:
    """Raises MappingError for a definition that cannot be used."""

    def __init__(self, name: str, version: str, definition: MappingDefinition) -> None:
        self.name = name
        self.version = version
        self._mapping = compile_mapping(definition)

    @property
    def topic_filter(self) -> str:
        """As MQTT knows it."""
        return self._mapping.pattern.topic_filter

    def matches(self, topic: str, sample: bytes) -> float:
        if not matches(self.topic_filter, topic):
            return 0.0
        if not sample:
            return SURE
        try:
            tree = tree_of(sample, self._mapping.format)
        except ParseError:
            return 0.0
        if isinstance(tree, dict | list):
            return SURE
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not message.payload:
            return []
        if not matches(self.topic_filter, message.topic):
            raise invalid(f"the topic is not of the mapping's filter {self.topic_filter}")
        tree = tree_of(message.payload, self._mapping.format)
        budget = StepBudget()
        scope = MessageScope(
            names=self._mapping.pattern.names_of(message.topic),
            tree=tree,
            time_zone=message.time_zone,
            budget=budget,
        )
        mapper = RecordMapper(self._mapping, scope)
        for record in self._records(tree, budget):
            mapper.read(record)
        return mapper.finished()

    def _records(self, tree: Any, budget: StepBudget) -> list[Any]:
        try:
            found = self._mapping.each.find(tree, budget)
        except NoAnswerError as error:
            raise invalid(str(error)) from None
        if not isinstance(found, list):
            records = [found]
        else:
            records = found
        if found is None:
            raise invalid(f"nothing is at {self._mapping.each.text or 'the root'}")
        if len(records) > MAX_RECORDS:
            raise invalid(f"more than {MAX_RECORDS:,} records in one message")
        return records
