"""The time of a record of unknown JSON: which of its keys hold one, and which of them counts."""

import re
from typing import Any

import msgspec

from mqtt_app.domain.ingest.times import is_plausible, looks_like_time, parse_time
from mqtt_app.parsers.generic.key_roles import KeyRole, role_of_key, time_rank

LOOSE_FROM = 1e8  # unix seconds of 1973: under `t` and `time` a smaller number is no time

_DATE = re.compile(r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}|[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", re.ASCII)
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,12})?", re.ASCII)
_NO_KEYS: frozenset[str] = frozenset()


class RecordTime(msgspec.Struct, frozen=True, gc=False):
    """`time` in unix seconds, None when the record has none that is believed. `keys` hold times and
    so are no readings; `impossible` are those among them that no calendar holds.
    """

    time: float | None = None
    keys: frozenset[str] = _NO_KEYS
    impossible: tuple[str, ...] = ()


NO_TIME = RecordTime()


def take_time(record: dict[str, Any], time_zone: str = "") -> RecordTime:
    """The time under the key that is believed most among those that hold one."""
    keys = [key for key, value in record.items() if holds_time(key, value)]
    if not keys:
        return _date_and_clock(record, time_zone)
    if len(keys) > 1:
        keys.sort(key=time_rank)
    times = {key: parse_time(record[key], _zone_of(key, time_zone)) for key in keys}
    impossible = (key for key in keys if times[key] is None and not _is_text(record[key]))
    return RecordTime(
        next((time for time in times.values() if time is not None), None),
        frozenset(keys),
        tuple(impossible),
    )


def holds_time(key: str, value: object) -> bool:
    """Whether the value under this key is a time, be it one that is not believed."""
    role = role_of_key(key)
    if role is KeyRole.TIME:
        return _is_time(value)
    return role is KeyRole.LOOSE_TIME and _is_time(value) and not _is_small(value)


def epoch(key: str, received_at: float) -> float | None:
    """The time that the key itself is, if it is near the time of receipt."""
    if role_of_key(key) is not KeyRole.EPOCH:
        return None
    time = parse_time(int(key))
    if time is not None and is_plausible(time, received_at):
        return time
    return None


def _is_time(value: object) -> bool:
    if isinstance(value, str):
        return looks_like_time(value) or parse_time(value) is not None
    if isinstance(value, dict):
        return bool(value) and parse_time(value, "UTC") is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_small(value: object) -> bool:
    """A number that is a temperature or a duration rather than a time."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return float(value) < LOOSE_FROM
    return isinstance(value, int | float) and not abs(value) >= LOOSE_FROM


def _zone_of(key: str, time_zone: str) -> str:
    """A time without a zone under `dateutc` or `UtcTime` is in UTC."""
    if "utc" in key.lower():
        return "UTC"
    return time_zone


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _date_and_clock(record: dict[str, Any], time_zone: str) -> RecordTime:
    """`{"date": "2023-11-14", "time": "22:13:20"}`, local time."""
    date = record.get("date", record.get("Date"))
    clock = record.get("time", record.get("Time"))
    if not (isinstance(date, str) and isinstance(clock, str)):
        return NO_TIME
    if not (_DATE.fullmatch(date) and _CLOCK.fullmatch(clock)):
        return NO_TIME
    keys = frozenset(record.keys() & {"date", "Date", "time", "Time"})
    return RecordTime(parse_time(f"{date} {clock}", time_zone), keys)
