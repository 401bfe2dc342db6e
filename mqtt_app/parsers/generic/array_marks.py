"""What tells the records of an array apart."""

from collections.abc import Set
from typing import Any

import msgspec

from mqtt_app.parsers.generic.identity import device_of, identity_key
from mqtt_app.parsers.generic.labels import (
    PAIR_KEYS,
    is_pair,
    kind_key,
    label_keys,
    label_of,
    pair_label,
)
from mqtt_app.parsers.generic.record_times import take_time
from mqtt_app.parsers.generic.single_values import has_value


class Mark(msgspec.Struct, frozen=True, gc=False):
    """What tells a record from the others: its device, its time, what its value is. "" for none."""

    device: str
    time: float | None
    kind: str


class Labels(msgspec.Struct, frozen=True):
    """A text for each record, and the keys that hold them and so are no readings."""

    texts: list[str]
    keys: Set[str]


NO_LABELS = Labels([], frozenset())


def mark_of(record: dict[str, Any], topic_device: str, time_zone: str) -> Mark:
    identity = identity_key(record)
    if has_value(record):
        kind = kind_key(record)
    else:
        kind = ""
    return Mark(
        device_of(str(record[identity]), identity, topic_device) if identity else "",
        take_time(record, time_zone).time,
        label_of(record, kind) if kind else "",
    )


def are_distinct(marks: list[Mark]) -> bool:
    return len(set(marks)) == len(marks)


def have_identities(marks: list[Mark]) -> bool:
    """Whether each record says which device it is, so that its metrics need no label."""
    return all(mark.device for mark in marks) and are_distinct(marks)


def have_different_keys(records: list[dict[str, Any]]) -> bool:
    """Whether no key is in two of the records: `[{"temp": 21}, {"hum": 40}]`."""
    return len({key for record in records for key in record}) == sum(map(len, records))


def labels_of(records: list[dict[str, Any]], marks: list[Mark]) -> Labels:
    """Of two texts, if the records say what is measured and on which phase and these differ; else
    of the text or number under one key. None for records that say which devices they are.
    """
    if have_identities(marks):
        return NO_LABELS
    if any(is_pair(record) for record in records):
        pairs = [pair_label(record) for record in records]
        if "" not in pairs and len(set(pairs)) == len(pairs):
            return Labels(pairs, PAIR_KEYS)
    key = label_key(records, marks)
    if key:
        return Labels([label_of(record, key) for record in records], {key})
    return NO_LABELS


def label_key(records: list[dict[str, Any]], marks: list[Mark]) -> str:
    """The preferred key under which every record has a label, so that no two records of one device
    and time have the same one; "" for none.

    A single record is labelled by a text, too, so that its metrics keep their names when a second
    one comes; by a number only where nothing else tells the records apart.
    """
    for key in label_keys(records[0]):
        if not isinstance(records[0][key], str) and are_distinct(marks):
            continue
        labels = [label_of(record, key) for record in records]
        labelled = {
            (label, mark.device, mark.time) for label, mark in zip(labels, marks, strict=True)
        }
        if "" not in labels and len(labelled) == len(records):
            return key
    return ""
