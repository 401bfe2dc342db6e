"""What a parser makes of a message: facts about devices. This is the interface of parsers, pure.

    ReadingFact         one value of one metric of one device at one time
    Availability        somebody says that a device or gateway is there, asleep or gone
    DeviceDescription   name, model, versions, address of a device
    MetricDescription   unit and name of a metric
    TopicDescription    what a third party says of the values on another topic
    GatewayDevices      the whole list of those behind a gateway: others are retired
    Remembered          state of a parser for later messages, see `Message.memory`
    FieldProblem        one field that was left out, and why; the other fields are stored
    Remark              what an operator should know, and is no error; said once a topic

Only readings of live messages and `Availability` say anything about whether a device is alive.
Descriptions never make a device: they wait until it speaks.

Identity: `device` is unique within the site, and two devices never share one. It is the address
that the payload carries (`normal_address`), or else what stands for the bridge or family in the
topic, a slash, and the name there: `zigbee2mqtt/lamp`. What a person reads is a name, said by
`DeviceDescription`, and may be the same for two devices.
"""

import re
from enum import StrEnum

import msgspec

Value = float | bool | str | bytes
"""A finite number, a boolean, text without NUL, or raw bytes. An int is stored as a float."""


class ParseErrorKind(StrEnum):
    """The closed set of `MqttParsingLog.error_type`."""

    VALIDATION = "VALIDATION_ERROR"  # understood, but says something that cannot be stored
    PARSE = "PARSE_ERROR"  # not understood at all
    DB = "DB_ERROR"  # the database refused the rows
    UNKNOWN = "UNKNOWN_ERROR"  # a fault of the parser itself


class ParseError(Exception):
    """A message that gives no facts at all. `str(error)` is for operators: what was expected, and
    what came instead.
    """

    def __init__(self, kind: ParseErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class ReadingFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One value of one metric of one device.

    `time` is unix seconds by the device's own clock, or None when the message has none and the
    receive time stands in. `gateway` is the identifier of whoever relays the device. `unit` as it
    was written, "" when nobody said. `diagnostic`: about the device or its radio (`rssi`,
    `linkquality`, uptime), not what it measures or does.
    """

    device: str
    metric: str
    value: Value
    time: float | None = None
    gateway: str | None = None
    unit: str = ""
    diagnostic: bool = False


class Liveness(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"
    ASLEEP = "asleep"  # gone on purpose, and expected back: no alarm


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody says how a device (or, with `is_gateway`, a gateway) is, as an MQTT Will does.

    `offline` also holds for every device whose identifier begins with `identifier` and a slash,
    and for a gateway's devices. Neither `offline` nor `asleep` is a sign of life.
    """

    identifier: str
    state: Liveness
    is_gateway: bool = False
    gateway: str | None = None


class DeviceDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about a device (or, with `is_gateway`, a gateway). "": not said.

    `address` is what stays when the device is renamed: a second `device` with the same `address`
    behind the same gateway is the same device under a new name, and its history goes on.
    `silence_after`: seconds of silence after which it counts as offline, 0.0 for no such limit;
    None: not said. A limit that a person gave wins.
    """

    device: str
    name: str = ""
    manufacturer: str = ""
    model: str = ""
    software: str = ""  # its version
    address: str = ""
    gateway: str | None = None
    is_gateway: bool = False
    silence_after: float | None = None


class MetricDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about a metric, for example by Zigbee2MQTT's `exposes` or Homie's `$unit`."""

    device: str
    metric: str
    unit: str = ""
    name: str = ""
    diagnostic: bool = False


class TopicDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What a third party, such as Home Assistant's discovery, says of another topic.

    `source`: who says it, unique; a later one of the same source takes its place, and one without
    a `topic` deletes it. `path`: the keys down to the value, joined with dots, "" for the whole
    payload. On `availability_topic` the payload `not_available` means that the device is gone.
    `expire_after`: seconds of silence after which the value is no longer known, 0 for never;
    the shortest of a device's is its limit of silence.
    """

    source: str
    topic: str = ""
    path: str = ""
    metric_name: str = ""
    unit: str = ""
    diagnostic: bool = False
    device_name: str = ""
    manufacturer: str = ""
    model: str = ""
    software: str = ""
    availability_topic: str = ""
    available: str = "online"
    not_available: str = "offline"
    expire_after: float = 0.0


class GatewayDevices(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway's own list: the identifiers of all its devices. Those that are not in it any more
    are retired, not offline for ever.
    """

    gateway: str
    devices: tuple[str, ...]


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What the parser needs to understand later messages of this connection, at most 256 KB.

    Survives a restart. `value` None forgets it. See `parsers.base.Parser.remembers`.
    """

    key: str
    value: bytes | None


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A field that was left out. `reason` is a phrase: "NaN is no finite number"."""

    field: str
    reason: str


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """Said once a topic and hour in the parsing log, and counted nowhere."""

    text: str


Fact = (
    ReadingFact
    | Availability
    | DeviceDescription
    | MetricDescription
    | TopicDescription
    | GatewayDevices
    | Remembered
    | FieldProblem
    | Remark
)

_MAC = re.compile(r"(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}|[0-9a-f]{12}", re.ASCII)
_EUI64 = re.compile(r"(?:[0-9a-f]{2}[:-]){7}[0-9a-f]{2}|(?:0x)?[0-9a-f]{16}", re.ASCII)


def normal_address(text: str) -> str:
    """A MAC as `AA:BB:CC:DD:EE:FF`, an EUI-64 as 16 small hexadecimal digits; any other text
    stripped. So that one device that two gateways write in two ways is one.
    """
    small = text.strip().lower()
    if _MAC.fullmatch(small):
        digits = small.replace(":", "").replace("-", "").upper()
        return ":".join(digits[place : place + 2] for place in range(0, 12, 2))
    if _EUI64.fullmatch(small):
        return small.removeprefix("0x").replace(":", "").replace("-", "")
    return text.strip()
