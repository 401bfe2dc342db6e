"""A mapping from stored samples. The same samples always give the same mapping."""

from collections.abc import Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import ParseError
from mqtt_app.domain.values import names_identifier
from mqtt_app.parsers.fields import MAX_METRIC
from mqtt_app.parsers.generic.identity import identity_key
from mqtt_app.parsers.generic.key_roles import KeyRole, is_diagnostic, role_of_key, time_rank
from mqtt_app.parsers.generic.record_times import holds_time
from mqtt_app.parsers.generic.units_in_names import unit_in_name
from mqtt_app.parsers.mapping.definition import (
    FORMAT_VERSION,
    MAX_METRICS,
    Description,
    MappingDefinition,
    MetricRule,
    TextSource,
)
from mqtt_app.parsers.mapping.levels import level_pattern
from mqtt_app.parsers.mapping.payloads import tree_of
from mqtt_app.parsers.mapping.proposing.leaf_survey import (
    SurveyedLeaf,
    is_writable,
    survey,
    written_key,
)
from mqtt_app.parsers.mapping.proposing.topic_names import SampleShape, propose_topic

MAX_RECORDS = 500  # that are looked at; later ones say nothing new
STABLE = 0.5  # share of the records that have a path which is proposed

_DESCRIBING = {
    KeyRole.NAME: "name",
    KeyRole.MANUFACTURER: "manufacturer",
    KeyRole.MODEL: "model",
    KeyRole.SOFTWARE: "software",
}
_NO_VALUES = frozenset((KeyRole.IDENTITY, KeyRole.ENVELOPE, KeyRole.UNIT, KeyRole.UNIT_OF_NAMESAKE))


class MappingSample(msgspec.Struct, frozen=True):
    """A message as it came."""

    topic: str
    payload: bytes


class MappingProposal(msgspec.Struct, frozen=True):
    """`definition` None: the samples hold nothing to map. `notes`: sentences on what was left out
    and why.
    """

    definition: MappingDefinition | None
    notes: tuple[str, ...] = ()


class _Reading(msgspec.Struct, frozen=True):
    """The samples that could be read. `each`: the path of the list of records."""

    shapes: list[SampleShape]
    records: list[Any]
    messages: list[dict[str, Any]]
    each: str
    unread: int


def propose(topic_filter: str, samples: Sequence[MappingSample]) -> MappingProposal:
    """Raises MappingError for a filter that no broker accepts."""
    level_pattern(topic_filter)
    read = _read(samples)
    notes: list[str] = []
    if read.unread:
        notes.append(
            f"{read.unread:,} of {len(samples):,} samples are no JSON, CBOR or MessagePack."
        )
    if not read.records:
        return MappingProposal(None, (*notes, "No sample holds an object with keys to map."))
    leaves = survey(read.records)
    enough = len(read.records) * STABLE
    rare = [leaf.name for leaf in leaves if leaf.seen < enough]
    if rare:
        notes.append(f"In fewer than half of the records, and left out: {', '.join(rare[:10])}.")
    stable = [leaf for leaf in leaves if leaf.seen >= enough and is_writable(leaf.path)]
    time = _time_of(stable)
    metrics = _metrics(stable, notes)
    if not metrics:
        return MappingProposal(None, (*notes, "No path holds a number or a state to map."))
    topic = propose_topic(topic_filter, read.shapes)
    definition = MappingDefinition(
        version=FORMAT_VERSION,
        filter=topic.filter,
        device=_device(read, topic.device, topic_filter, notes),
        each=read.each,
        time=time or _time_beside(read),
        metrics=tuple(metrics),
        description=_description(stable, metrics),
    )
    return MappingProposal(definition, tuple(notes))


def _read(samples: Sequence[MappingSample]) -> _Reading:
    trees: list[Any] = []
    shapes: list[SampleShape] = []
    for sample in samples:
        try:
            tree = tree_of(sample.payload)
        except ParseError:
            continue
        if isinstance(tree, dict | list):
            trees.append(tree)
            shapes.append(SampleShape(sample.topic, _keys(tree)))
    messages = [tree for tree in trees if isinstance(tree, dict)]
    each = _list_of_records(messages)
    records: list[Any] = []
    for tree in trees:
        records += _records(tree, each)
    return _Reading(shapes, records[:MAX_RECORDS], messages, each, len(samples) - len(trees))


def _keys(tree: Any) -> frozenset[str]:
    if isinstance(tree, dict):
        return frozenset(tree)
    return frozenset()


def _list_of_records(messages: Sequence[dict[str, Any]]) -> str:
    """The key under which every message has a list of objects; "" for none."""
    if not messages:
        return ""
    for key in messages[0]:
        if is_writable(written_key(key)) and all(
            _are_records(message.get(key)) for message in messages
        ):
            return written_key(key)
    return ""


def _are_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _records(tree: Any, each: str) -> list[Any]:
    if isinstance(tree, list):
        found = tree
    elif each:
        found = next(value for key, value in tree.items() if written_key(key) == each)
    else:
        found = [tree]
    return [record for record in found if isinstance(record, dict)]


def _time_of(leaves: Sequence[SurveyedLeaf]) -> TextSource | None:
    times = [leaf for leaf in leaves if all(holds_time(leaf.key, one) for one in leaf.values)]
    if not times:
        return None
    return TextSource(path=min(times, key=_believed).path)


def _believed(leaf: SurveyedLeaf) -> int:
    return time_rank(leaf.key)


def _time_beside(read: _Reading) -> TextSource:
    """The time of the message, where its records have none of their own."""
    if not read.each:
        return TextSource()
    found = _time_of(survey(_without_lists(read.messages)))
    if found is None:
        return TextSource()
    return TextSource(path=found.path, of_message=True)


def _without_lists(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in message.items() if not isinstance(value, list)}
        for message in messages
    ]


def _metrics(leaves: Sequence[SurveyedLeaf], notes: list[str]) -> list[MetricRule]:
    named = _named_value(leaves)
    if named is not None:
        return [named]
    constant: list[str] = []
    rules: list[MetricRule] = []
    for leaf in leaves:
        role = role_of_key(leaf.key)
        is_time = all(holds_time(leaf.key, value) for value in leaf.values)
        has_bytes = any(isinstance(value, bytes) for value in leaf.values)
        if (
            has_bytes
            or is_time
            or role in _NO_VALUES
            or role in _DESCRIBING
            or names_identifier(leaf.key)
        ):
            continue
        if leaf.is_text and len(leaf.values) == 1 and leaf.seen > 1:
            constant.append(leaf.name)
            continue
        rules.append(_rule(leaf))
    if constant:
        notes.append(f"Always the same text, and left out: {', '.join(constant[:10])}.")
    if len(rules) > MAX_METRICS:
        notes.append(f"{len(rules) - MAX_METRICS:,} more paths hold values; map those you need.")
    return rules[:MAX_METRICS]


def _named_value(leaves: Sequence[SurveyedLeaf]) -> MetricRule | None:
    """Records such as `{"name": "temp", "value": 21.5, "unit": "C"}` say the metric's name."""
    values = [leaf for leaf in leaves if role_of_key(leaf.key) is KeyRole.VALUE]
    names = [
        leaf
        for leaf in leaves
        if leaf.is_text and len(leaf.values) > 1 and leaf.key.lower() in _NAMING
    ]
    if len(values) != 1 or not names:
        return None
    units = [leaf.path for leaf in leaves if role_of_key(leaf.key) is KeyRole.UNIT]
    return MetricRule(
        name=TextSource(path=names[0].path),
        value=values[0].path,
        unit=TextSource(path="".join(units[:1])),
    )


_NAMING = frozenset(("name", "metric", "channel", "quantity", "parameter", "type", "key", "n"))


def _rule(leaf: SurveyedLeaf) -> MetricRule:
    return MetricRule(
        name=TextSource(text=_metric_name(leaf)),
        value=leaf.path,
        unit=TextSource(text=unit_in_name(leaf.key)),
        diagnostic=is_diagnostic(leaf.name),
    )


def _metric_name(leaf: SurveyedLeaf) -> str:
    """Without braces, which stand for levels of the topic."""
    return leaf.name.replace("{", "(").replace("}", ")")[:MAX_METRIC] or "value"


def _description(leaves: Sequence[SurveyedLeaf], metrics: Sequence[MetricRule]) -> Description:
    """Keys that stand for name, maker, model and version, if they hold text."""
    found: dict[str, TextSource] = {}
    names_of_metrics = {rule.name.path for rule in metrics}
    for leaf in leaves:
        field = _DESCRIBING.get(role_of_key(leaf.key))
        if field and leaf.is_text and leaf.path not in names_of_metrics:
            found.setdefault(field, TextSource(path=leaf.path))
    return Description(**found)


def _device(read: _Reading, level: str, topic_filter: str, notes: list[str]) -> TextSource:
    """What the payload says, else the level that varies, else the levels without wildcards."""
    if key := _common_identity(read.records):
        return TextSource(path=written_key(key))
    if read.each and (key := _common_identity(read.messages)):
        return TextSource(path=written_key(key), of_message=True)
    if level:
        return TextSource(text=level)
    fixed = [part for part in topic_filter.split("/") if part not in {"+", "#", ""}]
    notes.append("Neither a key nor a level of the topic tells devices apart: all is one device.")
    return TextSource(text="/".join(fixed)[:255] or "device")


def _common_identity(records: Sequence[dict[str, Any]]) -> str:
    """The key that says in every record which device it is; "" for none."""
    keys = {identity_key(record) for record in records}
    key = keys.pop()
    if keys or not is_writable(written_key(key)):
        return ""
    return key
