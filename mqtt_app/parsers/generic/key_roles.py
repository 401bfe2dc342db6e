"""What a key of JSON of no known family stands for."""

import re
from enum import Enum
from functools import lru_cache
from typing import Any

from mqtt_app.domain.values import name_words
from mqtt_app.domain.word_lists import words

MAX_KNOWN = 16_384  # keys whose role is remembered; the same ones come with every message


class KeyRole(Enum):
    PLAIN = "a value, or a name for what is below it"
    DIAGNOSTIC = "a value about the device or its radio"
    VALUE = "the value of what is above it"
    UNIT = "the unit of the value beside it"
    UNIT_OF_NAMESAKE = "the unit of the value with the same name: `temp_unit`"
    TIME = "a time"
    LOOSE_TIME = "a time if it is large enough: also used for temperatures and durations"
    EPOCH = "is itself a time"
    ENVELOPE = "about the message or its form, and no value at all: `messageId`, `dataType`"
    IDENTITY = "which device it is, or may be"
    NAME = "what people call the device"
    MANUFACTURER = "who made the device"
    MODEL = "its model"
    SOFTWARE = "the version of its software"


TIME_KEYS = words(
    "measuredat measurementtime measuredtime sampletime sampledat recordedat capturedat"
    " observedat eventtime devicetime ts tst timestamp tsms tsns timems timens timestampms"
    " timestampns timestamputc epoch epochms unixtime unixtimestamp unix utctime timeutc"
    " utc datetime datetimeutc dateutc gpstime rtc clock createdat reportedat sentat"
    " publishedat updatedat lastupdated lastupdate lastseen receivedat time date t"
)
"""Squeezed (small, without signs), and in the order in which they are believed."""

_LOOSE = frozenset(("time", "t", "date", "clock", "epoch", "lastseen", "lastupdate", "unix"))
_IDENTITIES = frozenset(
    words(
        "deviceid devid deveui deviceeui ieeeaddress ieeeaddr mac macaddress macaddr bdaddr"
        " serial serialnumber serialno sn imei uuid deviceuid deviceuuid nodeid sensorid"
        " stationid meterid thingid assetid clientid hwid hardwareid chipid unitid tagid"
        " trackerid coreid esp8266id esp32id uid device dev node sensor station meter id address addr eui source src"
    )
)
_UNITS = frozenset(("unit", "units", "uom", "unitofmeasurement", "unitofmeasure"))
_NAMES = frozenset(("name", "nickname", "devicename", "friendlyname", "displayname"))
_MANUFACTURERS = frozenset(("manufacturer", "vendor", "brand", "mf", "mfr"))
_MODELS = frozenset(("model", "devicemodel", "modelname", "modelid", "hwmodel", "boardtype"))
_SOFTWARE = frozenset(
    words(
        "firmware firmwareversion fwversion fw fwver swversion softwareversion sw swver"
        " softwarever version ver appversion"
    )
)
_ENVELOPE = frozenset(
    words(
        "messageid msgid datatype clienttoken requestid correlationid traceid usunits"
        " messagetype msgtype transactionuuid qos retain retained"
    )
)
_DIAGNOSTIC = frozenset(
    words(
        "csq gsmsignal gsmcsq cellsignal rsrp rsrq sinr wifistrength wifiquality seqno seqnr"
        " seqnum sequencenumber sequenceno boot framecounter framecount packetid "
        "rssi snr lsnr linkquality lqi signal signalstrength signalquality wifisignal"
        " wifirssi wifi rssidbm uptime uptimesec uptimems fcnt fcntup fcntdown fport freeheap"
        " heap heapfree minfreeheap freemem freememory memfree cpuload cputemp espload loadavg"
        " resetreason restarts reboots bootcount bootcounter reconnects msgcount messagecount"
        " seq sequence seqno packetcount noisefloor spreadingfactor datarate airtime rxcount"
        " txcount mqttcount"
    )
)
# As the last word of a name, or before its unit: `uptime_s`, `wifi_rssi_dbm`.
_RADIO = frozenset(("rssi", "snr", "lqi", "uptime"))
_EPOCH = re.compile(r"1[0-9]{9}(?:[0-9]{3}|[0-9]{6}|[0-9]{9})?", re.ASCII)
_SIGNS = re.compile(r"[^0-9a-z]+", re.ASCII)

_ROLES: tuple[tuple[KeyRole, frozenset[str]], ...] = (
    (KeyRole.LOOSE_TIME, _LOOSE),
    (KeyRole.TIME, frozenset(TIME_KEYS)),
    (KeyRole.VALUE, frozenset(("value", "val", "presentvalue"))),
    (KeyRole.UNIT, _UNITS),
    (KeyRole.ENVELOPE, _ENVELOPE),
    (KeyRole.IDENTITY, _IDENTITIES),
    (KeyRole.NAME, _NAMES),
    (KeyRole.MANUFACTURER, _MANUFACTURERS),
    (KeyRole.MODEL, _MODELS),
    (KeyRole.SOFTWARE, _SOFTWARE),
    (KeyRole.DIAGNOSTIC, _DIAGNOSTIC),
)
UNIT_ENDINGS = ("_unit", "_units", "Unit", "_uom")
_TIME_PLACES = {key: place for place, key in enumerate(TIME_KEYS)}

_BITS = {role: 1 << place for place, role in enumerate(KeyRole)}
HAS_TIME = _BITS[KeyRole.TIME] | _BITS[KeyRole.LOOSE_TIME]
HAS_IDENTITY = _BITS[KeyRole.IDENTITY]
HAS_VALUE = _BITS[KeyRole.VALUE]
HAS_UNIT = _BITS[KeyRole.UNIT] | _BITS[KeyRole.UNIT_OF_NAMESAKE]
HAS_DESCRIPTION = (
    _BITS[KeyRole.NAME]
    | _BITS[KeyRole.MANUFACTURER]
    | _BITS[KeyRole.MODEL]
    | _BITS[KeyRole.SOFTWARE]
)

known: dict[str, KeyRole] = {}
"""Roles by key, as far as they were asked for; cleared when it is full."""
_known_bits: dict[str, int] = {}


def role_of_key(key: str) -> KeyRole:
    role = known.get(key)
    if role is None:
        role = _role(key)
        if len(known) >= MAX_KNOWN:
            known.clear()
            _known_bits.clear()
        known[key] = role
        _known_bits[key] = _BITS[role]
    return role


def roles_in(record: dict[str, Any]) -> int:
    """The roles of all keys as one number, to be tested with `HAS_TIME` and the like: most records
    have only plain keys, and are not searched for others.
    """
    found = 0
    for key in record:
        bit = _known_bits.get(key)
        found |= _BITS[role_of_key(key)] if bit is None else bit
    return found


def squeezed(key: str) -> str:
    """Small letters and digits only: `Time_Stamp` and `timeStamp` are `timestamp`."""
    return _SIGNS.sub("", key.lower())


@lru_cache(maxsize=MAX_KNOWN)
def is_diagnostic(metric: str) -> bool:
    """By the last name of the metric: `wifi.rssi`, `rx.0.snr`."""
    parts = [part for part in metric.split(".") if not part.isdecimal()]
    return bool(parts) and role_of_key(parts[-1]) is KeyRole.DIAGNOSTIC


def time_rank(key: str) -> int:
    """The smaller, the more a time under this key is believed."""
    return _TIME_PLACES.get(squeezed(key), len(_TIME_PLACES))


def _role(key: str) -> KeyRole:
    if _EPOCH.fullmatch(key):
        return KeyRole.EPOCH
    if not key or len(key) > 60:
        return KeyRole.PLAIN
    if key.endswith(UNIT_ENDINGS) and key not in UNIT_ENDINGS:
        return KeyRole.UNIT_OF_NAMESAKE
    small = squeezed(key)
    for role, keys in _ROLES:
        if small in keys:
            return role
    is_radio = not _RADIO.isdisjoint(name_words(key)[-2:])
    if is_radio:
        return KeyRole.DIAGNOSTIC
    return KeyRole.PLAIN
