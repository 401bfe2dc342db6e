"""What the simulated devices of the three demo sites say: a pure function of the time since they
began.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DemoMessage:
    topic: str
    payload: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True)
class DemoSite:
    name: str
    filters: tuple[str, ...]
    waiting: str  # a topic that an operator has still to approve
    greeting: Callable[[], list[DemoMessage]]  # retained, once
    speak: Callable[[float], list[DemoMessage]]  # at so many seconds


def wave(seconds: float, middle: float, swing: float, period: float, digits: int = 1) -> float:
    """A quantity that moves slowly, with a small quick tremble on it."""
    slow = math.sin(2 * math.pi * seconds / period)
    return round(middle + swing * (slow + 0.08 * math.sin(seconds * 1.7)), digits)


def _json(topic: str, retain: bool = False, **values: object) -> DemoMessage:
    return DemoMessage(topic, json.dumps(values).encode(), retain)


# Zigbee2MQTT: a bridge and what is behind it


def _greenhouse_greeting() -> list[DemoMessage]:
    online = [
        _json(f"zigbee2mqtt/{name}/availability", retain=True, state="online")
        for name in ("tomato bed", "door", "pump")
    ]
    return [_json("zigbee2mqtt/bridge/state", retain=True, state="online"), *online]


def _greenhouse(seconds: float) -> list[DemoMessage]:
    link = int(wave(seconds, 110, 20, 60, 0))
    return [
        _json(
            "zigbee2mqtt/tomato bed",
            temperature=wave(seconds, 23.5, 3, 90),
            humidity=wave(seconds, 61, 9, 120),
            soil_moisture=wave(seconds, 42, 6, 200),
            battery=87,
            linkquality=link,
        ),
        _json(
            "zigbee2mqtt/door",
            contact=int(seconds / 20) % 3 != 0,
            battery=64,
            linkquality=link - 20,
        ),
        _json(
            "zigbee2mqtt/pump",
            state="ON" if int(seconds / 15) % 2 else "OFF",
            power=wave(seconds, 38, 4, 30),
        ),
        _json(
            "zigbee2mqtt/seed tray",
            temperature=wave(seconds, 26, 2, 75),
            humidity=wave(seconds, 70, 5, 110),
        ),
    ]


# Tasmota: power meters on a factory floor


def _workshop_greeting() -> list[DemoMessage]:
    return [
        DemoMessage(f"tele/{name}/LWT", b"Online", retain=True)
        for name in ("press", "lathe", "compressor")
    ]


def _workshop(seconds: float) -> list[DemoMessage]:
    time = (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    said = []
    for number, name in enumerate(("press", "lathe", "compressor"), 1):
        power = max(
            0.0, wave(seconds + 7 * number, 640 * number, 420 * number, 40 + 15 * number, 0)
        )
        energy = {
            "Power": power,
            "Voltage": wave(seconds, 230, 2, 50, 0),
            "Today": round(power / 480, 3),
            "Factor": 0.92,
        }
        said.append(_json(f"tele/{name}/SENSOR", Time=time, ENERGY=energy, TempUnit="C"))
    return [
        *said,
        _json(
            "tele/press/STATE",
            Time=time,
            UptimeSec=int(seconds),
            POWER="ON",
            Wifi={"RSSI": 78, "Signal": -61},
        ),
    ]


# Flat JSON from one controller, bare numbers and words from another


def _cold_store(seconds: float) -> list[DemoMessage]:
    room: dict[str, Any] = {
        "temperature": wave(seconds, -18.5, 1.2, 80),
        "humidity": wave(seconds, 71, 4, 100),
        "compressor": int(seconds / 25) % 2 == 0,
    }
    return [
        _json("coldstore/room1/climate", **room),
        _json(
            "coldstore/room2/climate",
            temperature=wave(seconds + 30, -21, 0.9, 95),
            humidity=wave(seconds, 66, 3, 130),
        ),
        DemoMessage("coldstore/dock/temperature", str(wave(seconds, 6.4, 2.2, 70)).encode()),
        DemoMessage("coldstore/dock/door", b"open" if int(seconds / 12) % 4 == 0 else b"closed"),
        DemoMessage("coldstore/dock/pallets", str(int(wave(seconds, 40, 12, 150, 0))).encode()),
    ]


SITES = (
    DemoSite(
        "Greenhouse", ("zigbee2mqtt/#",), "zigbee2mqtt/seed tray", _greenhouse_greeting, _greenhouse
    ),
    DemoSite(
        "Workshop", ("tele/#", "stat/#"), "tele/compressor/SENSOR", _workshop_greeting, _workshop
    ),
    DemoSite("Cold store", ("coldstore/#",), "coldstore/dock/pallets", list, _cold_store),
)
