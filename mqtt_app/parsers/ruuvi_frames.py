"""What Ruuvi sensors advertise: data formats 3, 5, 6, C5 and E1, in hexadecimal digits.

Source: https://docs.ruuvi.com/communication/bluetooth-advertisements. Numbers are big-endian; the
largest unsigned and the smallest signed number stand for "not available". Names of metrics are those
of the gateway's own decoding.
"""

import math
from collections.abc import Callable

from mqtt_app.domain.facts import ParseError, ParseErrorKind

COMPANY = b"\x99\x04"  # 0x0499, little-endian
MANUFACTURER_DATA = 0xFF  # type of an advertisement's structure
MAX_DIGITS = 1024  # hexadecimal digits; an advertisement has at most 255 bytes
LUX_STEP = math.log(65536) / 254  # of the logarithmic luminosity of format 6


def decode_frame(digits: str) -> dict[str, float]:
    """Metric -> value of one advertisement; empty for one that is not Ruuvi's.

    Raises ParseError (PARSE) for what is no hexadecimal or a frame that breaks off.
    """
    try:
        raw = bytes.fromhex(digits[:MAX_DIGITS])
    except ValueError:
        raise _broken("the data are no hexadecimal digits") from None
    frame = _manufacturer_data(raw)
    if not frame or frame[0] not in FORMATS:
        return {}
    length, read = FORMATS[frame[0]]
    if len(frame) < length:
        raise _broken(f"data format {frame[0]:X} breaks off after {len(frame)} of {length} bytes")
    return {name: value for name, value in read(frame).items() if value is not None}


def _manufacturer_data(raw: bytes) -> bytes:
    """Ruuvi's own data, behind the company identifier; empty when there are none."""
    place = 0
    while place + 1 < len(raw):
        length = raw[place]
        structure = raw[place + 1 : place + 1 + length]
        if structure[:1] == bytes([MANUFACTURER_DATA]) and structure[1:3] == COMPANY:
            return structure[3:]
        place += 1 + length
    return b""


def _unsigned(frame: bytes, place: int, size: int, step: float, offset: float = 0) -> float | None:
    number = int.from_bytes(frame[place : place + size], "big")
    if number == (1 << 8 * size) - 1:
        return None
    return round(number * step + offset, 6)


def _signed(frame: bytes, place: int, step: float) -> float | None:
    number = int.from_bytes(frame[place : place + 2], "big", signed=True)
    if number == -32768:
        return None
    return round(number * step, 6)


def _climate(frame: bytes) -> dict[str, float | None]:
    return {
        "temperature": _signed(frame, 1, 0.005),
        "humidity": _unsigned(frame, 3, 2, 0.0025),
        "pressure": _unsigned(frame, 5, 2, 1, 50_000),
    }


def _power(frame: bytes, place: int) -> dict[str, float | None]:
    """Battery in 11 bits, transmission power in 5."""
    number = int.from_bytes(frame[place : place + 2], "big")
    millivolts = number >> 5
    power = number & 31
    return {
        "voltage": None if millivolts == 2047 else round(1.6 + millivolts / 1000, 3),
        "txPower": None if power == 31 else -40.0 + 2 * power,
    }


def _acceleration(frame: bytes, place: int) -> dict[str, float | None]:
    return {
        f"accel{axis}": _signed(frame, place + 2 * number, 0.001)
        for number, axis in enumerate("XYZ")
    }


def _format_3(frame: bytes) -> dict[str, float | None]:
    """The sign of the temperature is a bit of its own, hundredths are a byte of their own."""
    degrees = (frame[2] & 127) + frame[3] / 100
    return {
        "temperature": -degrees if frame[2] & 128 else degrees,
        "humidity": frame[1] / 2,
        "pressure": int.from_bytes(frame[4:6], "big") + 50_000.0,
        **_acceleration(frame, 6),
        "voltage": int.from_bytes(frame[12:14], "big") / 1000,
    }


def _format_5(frame: bytes) -> dict[str, float | None]:
    return {
        **_climate(frame),
        **_acceleration(frame, 7),
        **_power(frame, 13),
        "movementCounter": _unsigned(frame, 15, 1, 1),
        "measurementSequenceNumber": _unsigned(frame, 16, 2, 1),
    }


def _format_c5(frame: bytes) -> dict[str, float | None]:
    return {
        **_climate(frame),
        **_power(frame, 7),
        "movementCounter": _unsigned(frame, 9, 1, 1),
        "measurementSequenceNumber": _unsigned(frame, 10, 2, 1),
    }


def _index(frame: bytes, place: int, flags: int, bit: int) -> float | None:
    """Nine bits, the lowest of which is among the flags."""
    number = frame[place] << 1 | frame[flags] >> bit & 1
    if number == 511:
        return None
    return float(number)


def _format_6(frame: bytes) -> dict[str, float | None]:
    code = frame[13]
    return {
        **_climate(frame),
        "PM2.5": _unsigned(frame, 7, 2, 0.1),
        "CO2": _unsigned(frame, 9, 2, 1),
        "VOC": _index(frame, 11, 16, 6),
        "NOx": _index(frame, 12, 16, 7),
        "luminosity": None if code == 255 else round(math.exp(code * LUX_STEP) - 1, 2),
        "measurementSequenceNumber": float(frame[15]),
    }


def _format_e1(frame: bytes) -> dict[str, float | None]:
    return {
        **_climate(frame),
        "PM1.0": _unsigned(frame, 7, 2, 0.1),
        "PM2.5": _unsigned(frame, 9, 2, 0.1),
        "PM4.0": _unsigned(frame, 11, 2, 0.1),
        "PM10.0": _unsigned(frame, 13, 2, 0.1),
        "CO2": _unsigned(frame, 15, 2, 1),
        "VOC": _index(frame, 17, 28, 6),
        "NOx": _index(frame, 18, 28, 7),
        "luminosity": _unsigned(frame, 19, 3, 0.01),
        "measurementSequenceNumber": _unsigned(frame, 25, 3, 1),
    }


FORMATS: dict[int, tuple[int, Callable[[bytes], dict[str, float | None]]]] = {
    0x03: (14, _format_3),
    0x05: (18, _format_5),  # the address behind it is in the topic too
    0x06: (17, _format_6),
    0xC5: (12, _format_c5),
    0xE1: (29, _format_e1),
}


def _broken(reason: str) -> ParseError:
    return ParseError(ParseErrorKind.PARSE, reason)
