"""Readings of unknown JSON.

Objects and arrays become metrics whose names are joined with dots. Each object may have a time of
its own, which holds for what is inside it, and each record at the top, or in an array, the identity
of a device. A key `value` gives its value to what is above it.
"""

from collections.abc import Set
from typing import Any

import msgspec

from mqtt_app.domain.facts import Fact, FieldProblem, ReadingFact
from mqtt_app.domain.values import Quantity, UnstorableError, text_value
from mqtt_app.parsers.base import MAX_FACTS
from mqtt_app.parsers.generic.array_marks import (
    are_distinct,
    have_different_keys,
    have_identities,
    labels_of,
    mark_of,
)
from mqtt_app.parsers.generic.identity import describes, device_of, identity_key, is_of_device
from mqtt_app.parsers.generic.key_roles import (
    HAS_DESCRIPTION,
    HAS_IDENTITY,
    HAS_TIME,
    HAS_UNIT,
    HAS_VALUE,
    KeyRole,
    is_diagnostic,
    role_of_key,
    roles_in,
)
from mqtt_app.parsers.generic.labels import kind_key, label_of
from mqtt_app.parsers.generic.record_times import NO_TIME, RecordTime, epoch, take_time
from mqtt_app.parsers.generic.single_values import (
    NAMES_OF_VALUES,
    description_of_value,
    has_value,
    is_single_value,
    keys_of_quality,
)
from mqtt_app.parsers.generic.topic_roles import GENERIC_LEVELS, TopicRole
from mqtt_app.parsers.generic.tree_place import TreePlace
from mqtt_app.parsers.generic.units_beside import spelled_out, take_units
from mqtt_app.parsers.generic.units_in_names import unit_in_name
from mqtt_app.parsers.json_tree import Documents, decode_text, invalid, looks_like_json, to_float

_NO_KEYS: frozenset[str] = frozenset()
_NO_UNITS: dict[str, str] = {}


class RecordReader:
    """Reads one message; `facts` is what was found."""

    def __init__(self, role: TopicRole, received_at: float, time_zone: str) -> None:
        self.facts: list[Fact] = []
        self._role = role
        self._received_at = received_at
        self._time_zone = time_zone
        self._is_inside_text = False

    def read(self, tree: Any) -> list[Fact]:
        """Everything in a tree that came from `decode`."""
        if isinstance(tree, dict):
            self._top_record(tree, TreePlace(self._role.device))
        elif isinstance(tree, Documents):
            self._documents(tree)
        elif isinstance(tree, list):
            self._top_array(tree)
        elif tree is not None:
            self._leaf(tree, self._leaf_scope())
        self.facts = _distinct(self.facts)
        return self.facts

    def _documents(self, documents: list[Any]) -> None:
        """Documents one after the other are as many messages: those without a time of their own
        get that of receipt, a microsecond apart, so that all are kept in their order.
        """
        for place, document in enumerate(documents, 1 - len(documents)):
            time = self._received_at + place * 1e-6 if place else None
            if isinstance(document, dict):
                self._top_record(document, TreePlace(self._role.device, time=time))
            else:
                self._node(document, msgspec.structs.replace(self._leaf_scope(), time=time))

    def _leaf_scope(self) -> TreePlace:
        return TreePlace(self._role.parent, self._role.metric, self._role.metric)

    def _top_array(self, items: list[Any]) -> None:
        """Of records at the top, or else the values of the topic's last level."""
        if any(isinstance(item, dict) for item in items):
            self._records(items, TreePlace(self._role.device), is_top=True)
        else:
            self._array(items, self._leaf_scope())

    def _top_record(self, record: dict[str, Any], scope: TreePlace) -> None:
        """An object with nothing but a value is the metric that the topic's last level names, or
        what the object says that it is; an object with a phase is that phase of the device.
        """
        record = spelled_out(record)
        if roles_in(record) & HAS_VALUE and is_single_value(record):
            kind = kind_key(record, self._role.metric.lower() in GENERIC_LEVELS)
            label = label_of(record, kind) if kind else ""
            is_leaf = not label or label.casefold() == self._role.metric.casefold()
            leaf = msgspec.structs.replace(self._leaf_scope(), time=scope.time)
            scope = leaf if is_leaf else scope.below(label)
            self.facts += description_of_value(record, scope)
            self._record(record, scope, {kind})
        elif isinstance(record.get("phase"), str) and (phase := label_of(record, "phase")):
            self._record(record, scope.below(phase), {"phase"})
        else:
            self._record(record, scope, _NO_KEYS)

    def _record(self, record: dict[str, Any], scope: TreePlace, left_out: Set[str]) -> None:
        """A record at the top or of an array: it may say which device it is, and describe it."""
        record = spelled_out(record)
        roles = roles_in(record)
        identity = ""
        if roles & HAS_IDENTITY:
            identity = identity_key(record, not scope.path and is_of_device(record, roles))
        if identity:
            left_out = left_out | {identity}
            device = device_of(str(record[identity]), identity, scope.device)
            scope = msgspec.structs.replace(scope, device=device)
        if roles & HAS_VALUE:
            left_out = left_out | frozenset(NAMES_OF_VALUES)
        elif roles & HAS_DESCRIPTION and (identity or not scope.path):
            about, keys = describes(record, scope.device)
            left_out = left_out | keys
            if about is not None:
                self.facts.append(about)
        time = take_time(record, self._time_zone) if roles & HAS_TIME else NO_TIME
        if time is NO_TIME:
            time = _time_of_wrapper(record, self._time_zone)
        self._members(record, scope, time, left_out)

    def _members(
        self, record: dict[str, Any], scope: TreePlace, time: RecordTime, left_out: Set[str]
    ) -> None:
        for key in time.impossible:
            reason = "no time that a calendar holds; the time of receipt is taken"
            self.facts.append(FieldProblem(field=scope.below(key).path, reason=reason))
        if time.time is not None:
            scope = msgspec.structs.replace(scope, time=time.time)
        roles = roles_in(record)
        units = take_units(record) if roles & HAS_UNIT else _NO_UNITS
        if roles & HAS_VALUE:
            left_out = left_out | keys_of_quality(record)
        is_wrapper = not scope.path and bool(time.keys) and isinstance(record.get("values"), dict)
        for key, value in record.items():
            unit = units.get(key)
            if value is None or key in left_out or key in time.keys or unit == "":
                continue
            if role_of_key(key) is KeyRole.ENVELOPE:
                continue
            if is_wrapper and key == "values":
                self._node(value, scope)
            else:
                self._node(value, self._scope_of(key, scope, unit or ""))

    def _scope_of(self, key: str, scope: TreePlace, unit: str) -> TreePlace:
        role = role_of_key(key)
        if role is KeyRole.VALUE and scope.path:
            below = scope
        elif role is KeyRole.EPOCH and (time := epoch(key, self._received_at)) is not None:
            path = scope.path or ""
            return TreePlace(scope.device, path, scope.name, time)
        else:
            below = scope.below(key or "_")
        return msgspec.structs.replace(below, unit=unit) if unit else below

    def _node(self, node: Any, scope: TreePlace) -> None:
        if isinstance(node, dict):
            node = spelled_out(node)
            has_time = roles_in(node) & HAS_TIME
            time = take_time(node, self._time_zone) if has_time else NO_TIME
            self._members(node, scope, time, _NO_KEYS)
        elif isinstance(node, list):
            self._array(node, scope)
        elif node is not None:
            self._leaf(node, scope)

    def _array(self, items: list[Any], scope: TreePlace) -> None:
        """An array of one value has the name of the value alone."""
        if any(isinstance(item, dict) for item in items):
            self._records(items, scope, is_top=False)
        elif len(items) == 1:
            self._node(items[0], scope)
        else:
            for place, item in enumerate(items):
                self._node(item, scope.below(str(place)))

    def _records(self, items: list[Any], scope: TreePlace, is_top: bool) -> None:
        """Each has a label, if they have one that tells them apart together with their times; else
        none, if devices, times or keys do; else its place.
        """
        records = [item for item in items if isinstance(item, dict)]
        if len(records) < len(items):
            self._by_place(items, scope)
            return
        marks = [mark_of(record, scope.device, self._time_zone) for record in records]
        labels = labels_of(records, marks)
        if labels.texts:
            for record, text in zip(records, labels.texts, strict=True):
                self._record(record, scope.below(text), labels.keys)
        elif are_distinct(marks) or have_different_keys(records):
            if have_identities(marks):
                scope = TreePlace(scope.device, time=scope.time)  # of devices of their own
            for record in records:
                self._unlabelled(record, scope, is_top)
        else:
            self._by_place(items, scope)

    def _unlabelled(self, record: dict[str, Any], scope: TreePlace, is_top: bool) -> None:
        if is_top:
            self._top_record(record, scope)
            return
        kind = kind_key(record) if has_value(record) else ""
        below = scope.below(label_of(record, kind)) if kind else scope
        self._record(record, below, {kind})

    def _by_place(self, items: list[Any], scope: TreePlace) -> None:
        for place, item in enumerate(items):
            below = scope.below(str(place))
            if isinstance(item, dict):
                self._record(item, below, _NO_KEYS)
            else:
                self._node(item, below)

    def _leaf(self, leaf: Any, scope: TreePlace) -> None:
        if len(self.facts) >= MAX_FACTS:
            raise invalid(f"more than {MAX_FACTS:,} values in one message")
        if not isinstance(leaf, str):
            quantity = Quantity(leaf if isinstance(leaf, bool) else to_float(leaf))
            self._found(quantity, scope)
        elif not self._is_inside_text and looks_like_json(leaf):
            self._is_inside_text = True  # once: what is text in there stays text
            self._node(decode_text(leaf), scope)
            self._is_inside_text = False
        else:
            self._text(leaf, scope)

    def _text(self, text: str, scope: TreePlace) -> None:
        try:
            quantity = text_value(text, scope.name, f"{scope.device}/{scope.path}")
        except UnstorableError as error:
            self.facts.append(FieldProblem(field=scope.path or "value", reason=str(error)))
            return
        if quantity is not None:
            self._found(quantity, scope)

    def _found(self, quantity: Quantity, scope: TreePlace) -> None:
        metric = scope.path or "value"
        unit = quantity.unit or scope.unit
        if not unit and type(quantity.value) is float:
            unit = unit_in_name(scope.name)
        self.facts.append(
            ReadingFact(
                device=scope.device,
                metric=metric,
                value=quantity.value,
                time=scope.time,
                unit=unit,
                diagnostic=is_diagnostic(metric),
            )
        )


def _time_of_wrapper(record: dict[str, Any], time_zone: str) -> RecordTime:
    """The time one level down, if it is the only one there: `{"params": {"ts": ...}}`."""
    times = [
        found.time
        for child in record.values()
        if isinstance(child, dict) and (found := take_time(child, time_zone)).time is not None
    ]
    if len(times) == 1:
        return RecordTime(times[0])
    return NO_TIME


def _distinct(facts: list[Fact]) -> list[Fact]:
    """No two readings share device, metric and time: a later one gets a number behind its name."""
    counts: dict[tuple[str, str, float | None], int] = {}
    distinct: list[Fact] = []
    for fact in facts:
        if not isinstance(fact, ReadingFact):
            distinct.append(fact)
            continue
        metric = fact.metric
        while (count := counts.get((fact.device, metric, fact.time))) is not None:
            counts[fact.device, metric, fact.time] = count + 1
            metric = f"{fact.metric}#{count + 1}"
        counts[fact.device, metric, fact.time] = 1
        distinct.append(
            fact if metric == fact.metric else msgspec.structs.replace(fact, metric=metric)
        )
    return distinct
