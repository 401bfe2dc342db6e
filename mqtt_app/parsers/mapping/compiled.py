"""A definition with its paths compiled, once, when the mapping is saved or loaded."""

import math
from typing import Literal

import msgspec

from mqtt_app.parsers.mapping.definition import MappingDefinition, MetricRule, TextSource
from mqtt_app.parsers.mapping.errors import MappingError
from mqtt_app.parsers.mapping.expressions import Expression, compile_expression
from mqtt_app.parsers.mapping.levels import LevelPattern, check_text, level_pattern


class CompiledSource(msgspec.Struct, frozen=True):
    """`expression` None: the text counts. Neither: nothing is said."""

    text: str = ""
    expression: Expression | None = None
    of_message: bool = False


class CompiledMetric(msgspec.Struct, frozen=True, kw_only=True):
    name: CompiledSource
    value: Expression
    unit: CompiledSource
    type: Literal["auto", "number", "text", "boolean"]
    scale: float
    offset: float
    diagnostic: bool


class CompiledLeaves(msgspec.Struct, frozen=True):
    under: Expression
    prefix: str


class CompiledMapping(msgspec.Struct, frozen=True, kw_only=True):
    pattern: LevelPattern
    format: str
    each: Expression
    device: CompiledSource
    time: CompiledSource
    gateway: CompiledSource
    metrics: tuple[CompiledMetric, ...]
    leaves: tuple[CompiledLeaves, ...]
    description: tuple[tuple[str, CompiledSource], ...]


def compile_mapping(definition: MappingDefinition) -> CompiledMapping:
    """Raises MappingError at the first field that cannot be used."""
    pattern = level_pattern(definition.filter)
    if definition.time.text:
        raise MappingError("time.text", "A time is in the message: give its path.")
    said = msgspec.structs.asdict(definition.description)
    return CompiledMapping(
        pattern=pattern,
        format=definition.format,
        each=compile_expression(definition.each, "each"),
        device=_source(definition.device, pattern, "device"),
        time=_source(definition.time, pattern, "time"),
        gateway=_source(definition.gateway, pattern, "gateway"),
        metrics=tuple(
            _metric(rule, pattern, f"metrics.{place}")
            for place, rule in enumerate(definition.metrics)
        ),
        leaves=tuple(
            CompiledLeaves(compile_expression(rule.under, f"leaves.{place}.under"), rule.prefix)
            for place, rule in enumerate(definition.leaves)
        ),
        description=tuple(
            (name, _source(source, pattern, f"description.{name}"))
            for name, source in said.items()
            if source.is_given
        ),
    )


def _source(source: TextSource, pattern: LevelPattern, field: str) -> CompiledSource:
    if source.text and source.path:
        raise MappingError(field, "Give a text or a path, not both.")
    if source.path:
        expression = compile_expression(source.path, f"{field}.path")
        return CompiledSource("", expression, source.of_message)
    check_text(source.text, pattern, f"{field}.text")
    return CompiledSource(source.text)


def _metric(rule: MetricRule, pattern: LevelPattern, field: str) -> CompiledMetric:
    if not rule.name.is_given:
        raise MappingError(f"{field}.name", "Give the metric a name.")
    if not math.isfinite(rule.scale) or not math.isfinite(rule.offset) or not rule.scale:
        raise MappingError(f"{field}.scale", "Scale and offset are finite numbers; scale is not 0.")
    return CompiledMetric(
        name=_source(rule.name, pattern, f"{field}.name"),
        value=compile_expression(rule.value, f"{field}.value"),
        unit=_source(rule.unit, pattern, f"{field}.unit"),
        type=rule.type,
        scale=rule.scale,
        offset=rule.offset,
        diagnostic=rule.diagnostic,
    )
