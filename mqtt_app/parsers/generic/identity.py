"""Which device a record of unknown JSON is about.

An address or number that is unique in the world (MAC, EUI, IMEI, long serial numbers) is the device
by itself, so that it is one device behind two gateways and on two topics, even if one of these has
it as a level. Any other identifier (`device_id: 17`) is
unique only where it was published: it stands behind the topic, unless the topic has it already. A
word for a model or a kind (`ESP32`, `sensor`) is no identity.
"""

import re
from functools import lru_cache
from typing import Any

from mqtt_app.domain.facts import DeviceDescription, normal_address
from mqtt_app.domain.word_lists import words
from mqtt_app.parsers.generic.key_roles import HAS_DESCRIPTION, KeyRole, role_of_key, squeezed

LONGEST = 128  # characters; longer text is no identifier
LONGEST_ID = 12  # characters of an `id`; a longer one is more often that of the message
LARGEST = 10**18  # larger numbers are none

# In the order in which they are believed.
_ADDRESSES = words("deveui deviceeui ieeeaddress ieeeaddr mac macaddress macaddr bdaddr imei eui")
_NUMBERS = words(
    "serial serialnumber serialno sn uuid deviceuuid deviceuid hwid hardwareid chipid coreid esp8266id esp32id"
)
_IDS = words(
    "deviceid devid nodeid sensorid stationid meterid thingid assetid trackerid tagid"
    " unitid clientid"
)
_WORDS = words("device dev node sensor station meter")
_ADDRESSES_ONLY = words("id address addr source src uid")
_WORDS_SET = frozenset(_WORDS)
_RANKS = {
    key: rank for rank, key in enumerate((*_ADDRESSES, *_IDS, *_NUMBERS, *_WORDS, *_ADDRESSES_ONLY))
}
_WORST = 2 * len(_RANKS)

_MAC = re.compile(r"(?:[0-9a-f]{2}[:-]){5,7}[0-9a-f]{2}", re.IGNORECASE | re.ASCII)
_HEX = re.compile(r"(?:0x)?(?:[0-9a-f]{12}|[0-9a-f]{16})", re.IGNORECASE | re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_MODEL_OR_KIND = re.compile(
    r"(?:esp|nodemcu|wemos|d1|arduino|raspberry|rpi|pico|dht|am|bme|bmp|bmi|sht|htu|hdc|ds18|ds|ccs"
    r"|sds|pms|mh-?z|scd|sgp|mq|tsl|bh|max|mcp|ads|ina|pzem|sdm|sonoff|shelly|lht|ers|m5)"
    r"[-_ a-z]{0,8}[0-9]{0,6}[a-z]{0,3}(?:[-_ ]?(?:mini|pro|lite|plus|pi|[cs][0-9]|v[0-9]))?"
    r"|(?:[a-z]+[ _-])?(?:sensor|device|node|gateway|meter|thermometer|thermostat|hygrometer|plug"
    r"|switch|lamp|light|relay|camera|tracker|controller|board|module|unknown|default|test|demo"
    r"|temperature|humidity|temp|weather|pressure|motion|indoor|outdoor|inside|outside)",
    re.IGNORECASE | re.ASCII,
)


def identity_key(record: dict[str, Any], is_described: bool = False) -> str:
    """The key that says best which device it is; "" when none does. With `is_described`, because
    the record names a model or a meter, too, a plain `id` is one of a device, not of the message.
    """
    best = ""
    best_rank = _WORST
    for key, value in record.items():
        if role_of_key(key) is not KeyRole.IDENTITY or isinstance(value, bool):
            continue
        if isinstance(value, str) or (isinstance(value, int) and abs(value) < LARGEST):
            is_id = is_described and key.lower() == "id" and len(str(value)) <= LONGEST_ID
            if is_id:
                name = "deviceid"
            else:
                name = key
            rank = _rank(name, str(value), isinstance(value, int))
            if rank < best_rank:
                best = key
                best_rank = rank
    return best


def is_of_device(record: dict[str, Any], roles: int) -> bool:
    """Whether the record says what kind of device it is about: a model, a name, a meter."""
    return bool(roles & HAS_DESCRIPTION) or not _WORDS_SET.isdisjoint(record)


@lru_cache(maxsize=16_384)
def device_of(identifier: str, key: str, topic_device: str) -> str:
    """The identifier of the device that the text or number under `key` names."""
    text = identifier.strip()
    small_key = squeezed(key)
    if _is_unique(small_key, text):
        if text.isdecimal():
            return text
        return normal_address(text)
    if within := _level_of(text, topic_device):
        if small_key in _WORDS:
            return topic_device
        return within
    clean = text.replace("/", "_")  # a slash would make it two levels
    return f"{topic_device}/{clean}"


def describes(record: dict[str, Any], device: str) -> tuple[DeviceDescription | None, set[str]]:
    """What the record says about the device, and the keys that say it and so are no readings."""
    found: dict[str, str] = {}
    keys: set[str] = set()
    for key, value in record.items():
        field = _FIELDS.get(role_of_key(key))
        if field is None or not isinstance(value, str) or not _is_said(field, value):
            continue
        keys.add(key)
        found.setdefault(field, value.strip())
    if not keys:
        return None, keys
    about = DeviceDescription(
        device=device,
        name=found.get("name", ""),
        manufacturer=found.get("manufacturer", ""),
        model=found.get("model", ""),
        software=found.get("software", ""),
    )
    return about, keys


_FIELDS = {
    KeyRole.NAME: "name",
    KeyRole.MANUFACTURER: "manufacturer",
    KeyRole.MODEL: "model",
    KeyRole.SOFTWARE: "software",
}


def _is_said(field: str, value: str) -> bool:
    if not 0 < len(value.strip()) <= 200:
        return False
    return field != "software" or any(char.isdigit() for char in value)


@lru_cache(maxsize=16_384)
def _rank(key: str, text: str, is_number: bool) -> int:
    """The smaller, the better: what is unique in the world comes before all others."""
    small_key = squeezed(key)
    stripped = text.strip()
    if not 0 < len(stripped) <= LONGEST or not _is_identity(small_key, stripped, is_number):
        return _WORST
    rank = _RANKS.get(small_key, _WORST)
    if _is_unique(small_key, stripped):
        return rank
    return rank + len(_RANKS)


def _is_identity(key: str, text: str, is_number: bool) -> bool:
    if is_number:
        return key in _IDS or key in _NUMBERS or key in _ADDRESSES
    if key in _ADDRESSES_ONLY:
        return _MAC.fullmatch(text) is not None or (key == "uid" and _is_long_hex(text))
    return key not in _WORDS or _MODEL_OR_KIND.fullmatch(text) is None


def _is_unique(key: str, text: str) -> bool:
    """Whether the identifier is unique in the world, by its form and its key."""
    if _MAC.fullmatch(text) or _UUID.fullmatch(text):
        return True
    if key == "uid":
        return _is_long_hex(text)
    if key in _ADDRESSES or key in _IDS:
        digits = sum(char.isdigit() for char in text)
        return _HEX.fullmatch(text) is not None or (key == "imei" and digits == 15)
    if key in _NUMBERS:
        return len(text) >= 6 and sum(char.isdigit() for char in text) >= 4
    return False


def _is_long_hex(text: str) -> bool:
    """The number of a chip, and no word or counter."""
    return _HEX.fullmatch(text) is not None and not text.isdecimal() and not text.isalpha()


def _level_of(identifier: str, topic_device: str) -> str:
    """The topic down to the level that is the identifier, so that all topics below it are one
    device, whether their payloads carry the identifier or not; "" when no level is.
    """
    wanted = _comparable(identifier)
    levels = topic_device.split("/")
    for place, level in enumerate(levels):
        if wanted and _comparable(level) == wanted:
            return "/".join(levels[: place + 1])
    return ""


def _comparable(text: str) -> str:
    return re.sub(r"[\s:_.-]+", "", text).casefold()
