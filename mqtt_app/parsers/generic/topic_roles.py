"""What a topic of no known family says by its levels: whose values, which metric, or no values."""

import hashlib
from functools import lru_cache

import msgspec

from mqtt_app.domain.word_lists import words
from mqtt_app.parsers.storable import MAX_IDENTIFIER

GENERIC_LEVELS = frozenset(
    words(
        "state status telemetry data up json values value readings reading sensor sensors"
        " event events attributes measurement measurements tele stat msg message payload"
        " uplink report info"
    )
)
COMMANDS = frozenset(("set", "get", "cmnd", "down", "command", "commands", "cmd"))
AVAILABILITY = frozenset(
    words(
        "status online available availability lwt $state connected conn connection"
        " connection_status connection_state connectionstatus connectionstate reachable alive"
    )
)
FALSE_IS_DEATH = frozenset(("online", "available", "availability", "connected", "lwt"))
LONGEST_INDEX = 2  # digits; a longer number names a device, not one of its parts
# Levels that name what relays all devices of the base topic above.
_BRIDGES = frozenset(("bridge", "gateway", "gw", "hub", "coordinator"))

# Parts of devices: what is below them says nothing about the whole device.
_PARTS = frozenset(
    words(
        "ota update firmware upgrade wifi wlan lan ethernet eth mqtt cloud bluetooth ble usb"
        " port ports loadpoint loadpoints vehicle vehicles car charger battery sensor sensors"
        " input inputs output outputs relay relays channel channels circuit zone zones phase"
        " grid pv ext external sd sim gps plug socket network server internet vpn config"
        " settings player speaker tv door window"
    )
)
_COLLECTIONS = frozenset(
    words(
        "device devices dev node nodes thing things station stations meter meters inverter"
        " inverters gateway gateways client clients unit units thermostat thermostats camera"
        " cameras tracker trackers machine machines controller controllers plc site sites"
    )
)


class TopicRole(msgspec.Struct, frozen=True, gc=False):
    """`device` speaks in objects; a single value is `metric` of `parent`. `is_silent`: commands and
    metadata, which are no readings. `speaks_for`: the identifier whose availability the topic
    tells, "" for none, `is_gateway` if that is what relays others; `false_is_death`: also by `false` and `0`.
    """

    device: str
    parent: str
    metric: str
    is_silent: bool = False
    speaks_for: str = ""
    is_gateway: bool = False
    false_is_death: bool = False


@lru_cache(maxsize=16_384)
def role_of(topic: str) -> TopicRole:
    levels = topic.split("/")
    small = [level.casefold() for level in levels]
    parent = _identifier(levels[:-1])
    last = _visible(levels[-1])
    if not parent.strip("/") or not levels[-1].strip():
        parent = _identifier(levels)
        last = "value"
    speaks_for = _speaks_for(levels, small)
    return TopicRole(
        device=device_of_topic(topic),
        parent=parent,
        metric=last,
        is_silent=not speaks_for and _is_silent(small),
        speaks_for=speaks_for,
        is_gateway=bool(speaks_for) and small[-2] in _BRIDGES,
        false_is_death=bool(speaks_for) and _is_root_of(small),
    )


@lru_cache(maxsize=16_384)
def device_of_topic(topic: str) -> str:
    """The topic without the last levels that only say what kind of message it is; never empty, and
    never that of another topic that differs in empty levels or blanks.
    """
    levels = topic.split("/")
    while len(levels) > 1 and levels[-1].lower() in GENERIC_LEVELS and any(levels[:-1]):
        levels.pop()
    return _identifier(levels)


def below_device(device: str, name: str) -> str:
    """What a device has below it by this name; itself where a level of it says the same."""
    clean = name.replace("/", "_")
    if not clean or clean in device.split("/"):
        return device
    return f"{device}/{clean}"


def _identifier(levels: list[str]) -> str:
    """Levels as an identifier; one that is too long for the column ends in a digest of the rest."""
    text = "/".join(_visible(level) for level in levels)
    if len(text) <= MAX_IDENTIFIER:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{text[: MAX_IDENTIFIER - 17]}~{digest}"


def _visible(level: str) -> str:
    """Blanks at the ends of a level as ␣, so that a person can tell `a` from `a `."""
    stripped = level.strip(" \u00a0")
    if stripped == level:
        return level
    start = len(level) - len(level.lstrip(" \u00a0"))
    end = len(level) - start - len(stripped)
    return "␣" * start + stripped + "␣" * end


def _is_silent(small: list[str]) -> bool:
    """Commands by their last level or Tasmota's prefix, and metadata."""
    last = small[-1]
    above = small[:-1]
    if len(small) == 1:
        return last.startswith("$")
    return (
        last in COMMANDS
        or "cmnd" in small[:2]
        or (last == "rpc" and small[-2] != "events")
        or ("rpc" in above and "request" in small)
        or (last == "on" and "controls" in above)
        or "meta" in small[1:]
        or (last == "config" and small[0] == "homeassistant")
        or small == ["homeassistant", "status"]
        or any(word.startswith("$") for word in small)
    )


def _speaks_for(levels: list[str], small: list[str]) -> str:
    if len(levels) < 2 or small[0].startswith("$") or small == ["homeassistant", "status"]:
        return ""
    above = levels[:-1]
    if small[-2] in _BRIDGES and (small[-1] == "state" or small[-1] in AVAILABILITY):
        return _identifier(above[:-1] if any(above[:-1]) else above)
    if small[-1] in AVAILABILITY and any(level.strip() for level in above):
        return _identifier(above)
    return ""


def _is_root_of(small: list[str]) -> bool:
    """Whether the level above is a device rather than a part of one."""
    if small[-1] not in FALSE_IS_DEATH:
        return False
    above = small[-2]
    if above in _PARTS:
        return False
    is_index = above.isdecimal() and len(above) <= LONGEST_INDEX
    return not is_index or (len(small) > 2 and small[-3] in _COLLECTIONS)
