"""Online or offline, of the bridge and of devices.

Source: https://www.zigbee2mqtt.io/guide/configuration/device-availability.html.
"""

from typing import Any

from mqtt_app.domain.facts import Liveness
from mqtt_app.parsers.json_tree import decode, invalid

LIVENESS = {"online": Liveness.ONLINE, "offline": Liveness.OFFLINE}


def liveness_of(payload: bytes) -> Liveness | None:
    """`{"state": "online"}`, or the plain word of earlier versions; None for JSON's null."""
    state: Any = payload.decode("latin-1").strip().strip("\x00")
    if state[:1] in ("{", '"'):
        state = decode(payload)
    if isinstance(state, dict):
        state = state.get("state")
    if state is None or state == "null":
        return None
    if not isinstance(state, str) or state.lower() not in LIVENESS:
        raise invalid("expected the state online or offline")
    return LIVENESS[state.lower()]
