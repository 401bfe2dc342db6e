"""The facts of one record, by the rules of a mapping."""

from collections.abc import Mapping
from typing import Any

import msgspec

from mqtt_app.domain.facts import DeviceDescription, Fact, FieldProblem, ReadingFact, normal_address
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.domain.values import UnstorableError
from mqtt_app.parsers.fields import leaves
from mqtt_app.parsers.json_tree import invalid, to_float
from mqtt_app.parsers.mapping.compiled import (
    CompiledLeaves,
    CompiledMapping,
    CompiledMetric,
    CompiledSource,
)
from mqtt_app.parsers.mapping.expressions import NoAnswerError, StepBudget
from mqtt_app.parsers.mapping.levels import filled
from mqtt_app.parsers.mapping.values import mapped_value


class MessageScope(msgspec.Struct, frozen=True, kw_only=True):
    """What all records of a message share. `names`: the named levels of its topic."""

    names: Mapping[str, str]
    tree: Any
    time_zone: str
    budget: StepBudget


class RecordPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Of whom and of when a record is."""

    device: str
    time: float | None
    gateway: str | None


class RecordMapper:
    def __init__(self, mapping: CompiledMapping, scope: MessageScope) -> None:
        self._mapping = mapping
        self._scope = scope
        self._facts: list[Fact] = []
        self._descriptions: dict[str, DeviceDescription] = {}
        self._has_reading = False

    def read(self, record: Any) -> None:
        """A record without a device is left out, and that is said."""
        device = self._text(self._mapping.device, record, "device")
        if not device:
            self._leave_out("device", "the message does not say which device it is")
            return
        place = RecordPlace(
            device=normal_address(device),
            time=self._time(record),
            gateway=self._text(self._mapping.gateway, record, "gateway") or None,
        )
        named: set[str] = set()
        for rule in self._mapping.metrics:
            self._metric(rule, record, place, named)
        for leaf_rule in self._mapping.leaves:
            self._leaves(leaf_rule, record, place, named)
        self._describe(record, place)

    def finished(self) -> list[Fact]:
        """Raises ParseError when the message gave no reading at all."""
        if not self._has_reading:
            problems = [fact for fact in self._facts if isinstance(fact, FieldProblem)]
            if problems:
                raise invalid(f"{problems[0].field}: {problems[0].reason}")
            raise invalid("nothing is at any of the mapping's paths")
        return [*self._descriptions.values(), *self._facts]

    def _metric(
        self, rule: CompiledMetric, record: Any, place: RecordPlace, named: set[str]
    ) -> None:
        name = self._text(rule.name, record, "metric")
        try:
            raw = rule.value.find(record, self._scope.budget)
            if raw is None or not name:
                return
            found = mapped_value(rule, raw, name)
        except (NoAnswerError, UnstorableError) as error:
            self._leave_out(name or rule.value.text, str(error))
            return
        if found is None:
            return
        if name in named:
            self._leave_out(name, "two metrics of the record have this name")
            return
        named.add(name)
        unit = self._text(rule.unit, record, f"unit of {name}") or found.unit
        self._add(place, name, found.value, unit=unit, diagnostic=rule.diagnostic)

    def _leaves(
        self, rule: CompiledLeaves, record: Any, place: RecordPlace, named: set[str]
    ) -> None:
        try:
            below = rule.under.find(record, self._scope.budget)
        except NoAnswerError as error:
            self._leave_out(rule.under.text, str(error))
            return
        for name, leaf in leaves(below, rule.prefix):
            self._scope.budget.spend()
            if isinstance(leaf, bool | int | float) and name not in named:
                named.add(name)
                self._add(place, name, leaf)

    def _add(
        self, place: RecordPlace, name: str, value: Any, unit: str = "", diagnostic: bool = False
    ) -> None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = to_float(value)
        else:
            unit = ""
        self._has_reading = True
        self._facts.append(
            ReadingFact(
                device=place.device,
                metric=name,
                value=value,
                time=place.time,
                gateway=place.gateway,
                unit=unit,
                diagnostic=diagnostic,
            )
        )

    def _describe(self, record: Any, place: RecordPlace) -> None:
        said = {
            field: self._text(source, record, field) for field, source in self._mapping.description
        }
        if any(said.values()):
            self._descriptions[place.device] = DeviceDescription(
                device=place.device,
                gateway=place.gateway,
                name=said.get("name", ""),
                manufacturer=said.get("manufacturer", ""),
                model=said.get("model", ""),
                software=said.get("software", ""),
            )

    def _time(self, record: Any) -> float | None:
        raw = self._found(self._mapping.time, record, "time")
        if raw is None:
            return None
        time = parse_time(raw, self._scope.time_zone)
        if time is None:
            self._leave_out("time", "it is no time, or has no time zone")
        return time

    def _text(self, source: CompiledSource, record: Any, field: str) -> str:
        if source.expression is None:
            return filled(source.text, self._scope.names)
        raw = self._found(source, record, field)
        if raw is None:
            return ""
        if isinstance(raw, bool | dict | list | bytes):
            self._leave_out(field, "it is neither text nor number")
            return ""
        if isinstance(raw, float) and raw.is_integer():
            raw = int(raw)
        return str(raw)[:255].strip()

    def _found(self, source: CompiledSource, record: Any, field: str) -> Any:
        if source.expression is None:
            return None
        if source.of_message:
            searched = self._scope.tree
        else:
            searched = record
        try:
            return source.expression.find(searched, self._scope.budget)
        except NoAnswerError as error:
            self._leave_out(field, str(error))
            return None

    def _leave_out(self, field: str, reason: str) -> None:
        self._facts.append(FieldProblem(field=field[:255], reason=reason))
