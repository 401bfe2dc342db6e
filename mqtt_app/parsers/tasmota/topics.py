"""The parts of a topic: `tele`, `stat` or `cmnd`, the device, and the kind of message.

Source: https://tasmota.github.io/docs/MQTT/#mqtt-topic-definition. FullTopic is the user's choice,
so the prefix may be any level and the device may have several; the kind is always the last level.
"""

import re
from functools import lru_cache

import msgspec

FAMILY = "tasmota"  # what the identifiers of all devices begin with
COMMAND = "cmnd"
PREFIXES = ("tele", "stat", COMMAND)
DISCOVERY = "discovery"  # the kind of `tasmota/discovery/<mac>/config` and `.../sensors`

_KNOWN = re.compile(
    r"SENSOR|STATE|RESULT|LWT|UPTIME|MARGINS|ENERGY|EVENT|LOGGING|HASS_STATE|INFO[0-9]?"
    r"|DEEPSLEEP|DeepSleep|ZbReceived|STATUS[0-9]{0,2}|POWER[0-9]{0,2}",
    re.ASCII,
)
_OTHER = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)  # an answer named after its command
_MAC = re.compile(r"[0-9A-F]{12}", re.ASCII | re.IGNORECASE)


class TasmotaTopic(msgspec.Struct, frozen=True, gc=False):
    """`device` is "" when the topic is none of Tasmota's."""

    prefix: str
    device: str
    kind: str

    @property
    def identifier(self) -> str:
        return f"{FAMILY}/{self.device}"


NOWHERE = TasmotaTopic("", "", "")


@lru_cache(maxsize=16_384)
def place_of(topic: str) -> TasmotaTopic:
    levels = topic.split("/")
    if _is_discovery(levels):
        return TasmotaTopic("", levels[-2], DISCOVERY)
    kind = levels.pop()
    for place, level in enumerate(levels):
        if level not in PREFIXES:
            continue
        device = "/".join(levels[:place] + levels[place + 1 :]).strip("/")
        if device:
            return TasmotaTopic(level, device, kind)
    if kind in ("SENSOR", "STATE"):  # the prefix itself was renamed
        return TasmotaTopic("", "/".join(levels).strip("/"), kind)
    return NOWHERE


def is_known(kind: str) -> bool:
    return _KNOWN.fullmatch(kind) is not None


def is_answer(kind: str) -> bool:
    return _OTHER.fullmatch(kind) is not None


def _is_discovery(levels: list[str]) -> bool:
    return (
        len(levels) >= 4
        and levels[-1] in ("config", "sensors")
        and levels[-3] == "discovery"
        and levels[-4] == "tasmota"
        and _MAC.fullmatch(levels[-2]) is not None
    )
