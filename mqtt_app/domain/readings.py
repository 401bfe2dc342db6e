"""What a parser makes of a message: facts about devices."""

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
    """A message that gives no readings. `str(error)` is for operators: say what was expected and
    what came.
    """

    def __init__(self, kind: ParseErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class ReadingFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One value of one metric of one device.

    `device` is an identifier unique within the site. `time` is unix seconds by the device's own
    clock, or None when the message has none and the receive time stands in. `gateway` is the
    identifier of whoever relays the device, if anyone does.
    """

    device: str
    metric: str
    value: Value
    time: float | None = None
    gateway: str | None = None


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody says that a device (or, with `is_gateway`, a gateway) is there or gone, as an MQTT
    Will does.
    """

    identifier: str
    online: bool
    is_gateway: bool = False
    gateway: str | None = None


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """Metadata of a device: a name a person would recognise. Never proves that the device is alive."""

    device: str
    name: str
    gateway: str | None = None


Fact = ReadingFact | Availability | Description
