"""What devices write for a time. All results are unix seconds."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

EARLIEST = datetime(
    1, 1, 2, tzinfo=UTC
).timestamp()  # a day inside what datetime holds, so that any zone can show it
LATEST = datetime(9999, 12, 30, tzinfo=UTC).timestamp()
MAX_AHEAD = (
    24 * 3600.0
)  # s; a clock set to local time is at most 14 h ahead, anything more is broken
MAX_AGE = (
    10 * 365.25 * 86400
)  # s; beyond any logger's memory, but after the 1970 and 2000 of clocks that lost power
UNITS = (
    (1e11, 1.0),
    (1e14, 1e3),
    (1e17, 1e6),
    (1e20, 1e9),
)  # below this magnitude: so many to the second
MAX_LENGTH = 40  # characters of a written time

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,12})?", re.ASCII)
SHORT_COMPACT = 12  # digits of YYMMDDhhmmss
_COMPACT = re.compile(
    r"(?:(?:19|20)[0-9]{2}|[2-4][0-9])(?:0[1-9]|1[0-2])[0-3][0-9][0-2][0-9][0-5][0-9][0-6][0-9]"
)
_ISO = re.compile(
    r"(?P<local>[0-9]{4}(?P<dash>[-/.]?)[0-9]{2}(?P=dash)[0-9]{2}(?:T|, ?| )[0-9:.,]{4,24})"
    r" ?(?P<zone>Z|UTC|GMT|[+-][0-9]{2}:?(?:[0-9]{2})?)?",
    re.ASCII,
)
_DAY_FIRST = re.compile(
    r"(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})\.(?P<year>[0-9]{4}),? (?P<clock>[0-9:.]{4,15})"
    r"(?: ?(?P<zone>Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?",
    re.ASCII,
)
_RFC_1123 = re.compile(
    r"(?:[A-Z][a-z]{2,8}, )?(?P<day>[0-9]{1,2})[ -](?P<month>[A-Z][a-z]{2})[ -](?P<year>[0-9]{4})"
    r" (?P<clock>[0-9:]{4,8})(?: (?P<zone>UTC|GMT|UT|Z|[+-][0-9]{4}))?",
    re.ASCII,
)
_CTIME = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>[0-9]{1,2}) (?P<clock>[0-9:]{4,8})"
    r"(?: (?P<zone>UTC|GMT))? (?P<year>[0-9]{4})",
    re.ASCII,
)
_DOT_NET = re.compile(r"/Date\((?P<ms>-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/", re.ASCII)


def parse_time(value: object, time_zone: str = "") -> float | None:
    """Unix seconds from a number or numeric string in s, ms, us or ns (told by magnitude), ISO 8601
    and its relatives (` +0100`, ` UTC`, slashes), RFC 1123, ctime, `14.11.2023 22:13:20`,
    `20231114221320`, `/Date(ms)/`, `{"seconds":, "nanos":}` and `{"$date":}`.

    None for anything else, for what no calendar holds, and for times without a zone unless
    `time_zone` (an IANA name) says which: hours off is worse than the time of receipt.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _from_number(value, time_zone)
    if isinstance(value, Mapping):
        return _from_object(value, time_zone)
    if isinstance(value, str):
        return _from_text(value.strip(), time_zone)
    return None


def looks_like_time(text: str) -> bool:
    """A date with a time of day in one of the forms of `parse_time`, with or without a zone."""
    if len(text) > MAX_LENGTH:
        return False
    stripped = text.strip()
    forms = (_ISO, _DAY_FIRST, _RFC_1123, _CTIME, _DOT_NET, _COMPACT)
    return any(form.fullmatch(stripped) for form in forms)


def is_plausible(time: float, received_at: float) -> bool:
    """False for clocks that lost their memory: more than a day ahead, or more than ten years
    behind.
    """
    return received_at - MAX_AGE <= time <= received_at + MAX_AHEAD


def _from_number(number: float, time_zone: str = "") -> float | None:
    size = abs(number)
    for limit, per_second in UNITS:
        if size < limit:
            if per_second == 1e3 and isinstance(number, int) and _COMPACT.fullmatch(str(number)):
                return _from_compact(str(number), time_zone)
            return _convertible(number / per_second)
    return None


def _from_object(value: Mapping[str, object], time_zone: str) -> float | None:
    """`google.protobuf.Timestamp` as JSON objects, and MongoDB's extended JSON."""
    if "$date" in value:
        inner = value["$date"]
        if isinstance(inner, Mapping):
            inner = inner.get("$numberLong")
        milliseconds = _as_number(inner)
        if milliseconds is None:
            return parse_time(inner, time_zone)
        return _from_ms(milliseconds)
    seconds = _as_number(value.get("seconds", value.get("sec")))
    fraction = _as_number(value.get("nanos", value.get("nsec", value.get("nanoseconds", 0))))
    if seconds is None or fraction is None:
        return None
    return _convertible(seconds + fraction / 1e9)


def _from_ms(milliseconds: float) -> float | None:
    return _convertible(milliseconds / 1e3)


def _as_number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, int | float) and abs(value) < 1e20:
        return float(value)
    return None


def _from_text(text: str, time_zone: str) -> float | None:
    if len(text) > MAX_LENGTH:
        return None
    if _NUMBER.fullmatch(text):
        is_compact = _COMPACT.fullmatch(text) is not None
        return _from_compact(text, time_zone) if is_compact else _from_number(float(text))
    if found := _ISO.fullmatch(text):
        local = found["local"].replace("/", "-").replace(", ", "T").replace(",", ".")
        if found["dash"] == ".":
            local = local.replace(".", "-", 2)
        return _from_iso(local, found["zone"], time_zone)
    if found := _DOT_NET.fullmatch(text):
        return _from_ms(int(found["ms"]))
    matches = (form.fullmatch(text) for form in (_DAY_FIRST, _RFC_1123, _CTIME))
    written = next((found for found in matches if found), None)
    if written:
        return _from_parts(written, time_zone)
    return None


def _from_parts(found: re.Match[str], time_zone: str) -> float | None:
    month = found["month"]
    if month.isalpha():
        if month.lower() not in _MONTHS:
            return None
        month = str(_MONTHS.index(month.lower()) + 1)
    day = f"{found['year']}-{month:0>2}-{found['day']:0>2}"
    return _from_iso(f"{day}T{found['clock']}", found["zone"], time_zone)


def _from_compact(digits: str, time_zone: str) -> float | None:
    """`YYYYMMDDhhmmss`, or with two digits of the year, as trackers write it. As milliseconds the
    latter would lie before 2001.
    """
    if len(digits) == SHORT_COMPACT:
        digits = f"20{digits}"
    return _from_iso(f"{digits[:8]}T{digits[8:]}", None, time_zone)


def _from_iso(local: str, zone: str | None, time_zone: str) -> float | None:
    """`zone` as it was written; the site's own `time_zone` when there is none."""
    try:
        time = datetime.fromisoformat(local)
        if zone:
            if zone in ("Z", "UTC", "GMT", "UT"):
                offset = "+00:00"
            else:
                offset = zone
            return _convertible(datetime.fromisoformat(local + offset).timestamp())
        site_zone = _zone(time_zone)
        if site_zone:
            return _convertible(time.replace(tzinfo=site_zone).timestamp())
        return None
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=1_024)
def _zone(name: str) -> tzinfo | None:
    """None for "" and for names that the system does not know."""
    try:
        if name:
            return ZoneInfo(name)
        return None
    except (KeyError, ValueError, OSError):
        return None


def _convertible(time: float) -> float | None:
    if EARLIEST <= time <= LATEST:
        return time
    return None
