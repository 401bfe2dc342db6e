"""JSON objects and arrays of objects, as most home-grown devices send them.

Also the telemetry of ThingsBoard's device API, `{"ts": <ms>, "values": {...}}`
(https://thingsboard.io/docs/reference/mqtt-api/).

Which time counts: the first of `TIME_KEYS` that holds one. Under `t` and `time` a number is a time
only from 1e8 on (the year 1973), so `{"t": 21.5}` is a temperature and `{"time": 86}` a duration;
under the other keys every number is. An ISO time without a zone is taken out but not believed. A
number that no calendar holds is a VALIDATION error.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from mqtt_app.domain.facts import Fact, ReadingFact
from mqtt_app.domain.ingest.times import looks_like_time, parse_time
from mqtt_app.parsers.base import MAX_FACTS, Message
from mqtt_app.parsers.json_tree import BOM, decode, flatten, invalid, is_number

TIME_KEYS = ("ts", "timestamp", "Time", "UtcTime", "datetime", "received_at", "time", "t")
LOOSE_KEYS = {"t", "time"}  # also used for temperatures and durations
LOOSE_FROM = 1e8
DEVICE_KEYS = ("device_id", "deviceId", "device", "dev_id")
_TIME_KEYS, _DEVICE_KEYS = frozenset(TIME_KEYS), frozenset(DEVICE_KEYS)
GENERIC_LEVELS = frozenset(
    [
        "state",
        "status",
        "telemetry",
        "data",
        "up",
        "json",
        "values",
        "value",
        "readings",
        "reading",
        "sensor",
        "sensors",
        "event",
        "events",
        "attributes",
    ]
)


class JsonParser:
    name = "json"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        """Also for broken JSON, so that it shows as an error rather than as a topic nobody knows."""
        start = sample.removeprefix(BOM).lstrip()[:1]
        return 0.4 if start in (b"{", b"[") else 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        tree = decode(message.payload)
        if not isinstance(tree, dict | list):
            raise invalid("expected a JSON object or an array of them, but got a single value")
        device = device_of_topic(message.topic)
        readings: list[Fact] = []
        for record in _records(tree):
            readings += _readings(record, device)
            if len(readings) > MAX_FACTS:
                raise invalid(f"more than {MAX_FACTS:,} values in one message")
        return readings


@lru_cache(maxsize=16_384)
def device_of_topic(topic: str) -> str:
    """The topic without the last levels that only say what kind of message it is; never empty."""
    levels = topic.split("/")
    while len(levels) > 1 and (not levels[-1] or levels[-1].lower() in GENERIC_LEVELS):
        levels.pop()
    return "/".join(levels).strip("/") or topic


def take_time(record: dict[str, Any]) -> tuple[float | None, set[str]]:
    """The record's time in unix seconds, and the keys that hold times and so are no readings."""
    found: float | None = None
    keys: set[str] = set()
    present = record.keys() & _TIME_KEYS
    if not present:
        return found, keys
    for key in TIME_KEYS if len(present) > 1 else present:
        value = record.get(key)
        if not _is_time(key, value):
            continue
        keys.add(key)
        time = parse_time(value)
        if time is None and not isinstance(value, str):
            raise invalid(f"{key!r} is no time that a calendar holds")
        found = time if found is None else found
    return found, keys


def _is_time(key: str, value: object) -> bool:
    if isinstance(value, str) and not is_number(value):
        return looks_like_time(value) or parse_time(value) is not None
    if value is None or isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    return (
        key not in LOOSE_KEYS
        or abs(float(value) if isinstance(value, str) else value) >= LOOSE_FROM
    )


def _records(tree: Any) -> Sequence[Any]:
    """Each object of an array is a record of its own; any other array is one record."""
    if isinstance(tree, list) and any(isinstance(item, dict) for item in tree):
        return [
            item if isinstance(item, dict) else {str(place): item}
            for place, item in enumerate(tree)
        ]
    return (tree,)


def _readings(record: Any, device: str) -> list[ReadingFact]:
    time = None
    if isinstance(record, dict):
        time, time_keys = take_time(record)
        named = _named(record)
        device = record[named].strip() if named else device
        if time_keys or named:
            record = {
                key: value for key, value in record.items() if key not in time_keys and key != named
            }
        if time_keys and isinstance(record.get("values"), dict):
            record = record | record.pop("values")
    return [
        ReadingFact(device=device, metric=metric, value=value, time=time)
        for metric, value in flatten(record)
    ]


def _named(record: dict[str, Any]) -> str:
    """The key that names the device; "" when there is none."""
    if _DEVICE_KEYS.isdisjoint(record):
        return ""
    return next(
        (key for key in DEVICE_KEYS if isinstance(record.get(key), str) and record[key].strip()), ""
    )
