"""Whether a message on a topic of availability says that its device is there, asleep or gone."""

from typing import Any

from mqtt_app.domain.facts import Liveness
from mqtt_app.parsers.generic.key_roles import squeezed
from mqtt_app.parsers.generic.topic_roles import AVAILABILITY

WORDS = {
    "offline": Liveness.OFFLINE,
    "lost": Liveness.OFFLINE,
    "connectionlost": Liveness.OFFLINE,
    "disconnected": Liveness.OFFLINE,
    "unavailable": Liveness.OFFLINE,
    "notavailable": Liveness.OFFLINE,
    "unreachable": Liveness.OFFLINE,
    "dead": Liveness.OFFLINE,
    "online": Liveness.ONLINE,
    "connected": Liveness.ONLINE,
    "available": Liveness.ONLINE,
    "reachable": Liveness.ONLINE,
    "alive": Liveness.ONLINE,
    "sleeping": Liveness.ASLEEP,
    "asleep": Liveness.ASLEEP,
    "deepsleep": Liveness.ASLEEP,
}
"""Squeezed (small, without signs): what a Will or a birth message says in plain words."""

_TRUTH: dict[object, Liveness] = {
    True: Liveness.ONLINE,
    False: Liveness.OFFLINE,
    "true": Liveness.ONLINE,
    "false": Liveness.OFFLINE,
    "1": Liveness.ONLINE,
    "0": Liveness.OFFLINE,
}
_KEYS = AVAILABILITY | {"state", "value", "connection"}


def liveness(value: object, false_is_death: bool) -> Liveness | None:
    """What the value says on a topic of availability; None when it says something else.

    Truth values speak only where `false_is_death`: a car that is not plugged in is `connected`
    false, too.
    """
    if isinstance(value, str):
        word = WORDS.get(squeezed(value))
        if word is not None:
            return word
        value = value.strip().lower()
    if false_is_death and isinstance(value, bool | int | str):
        return _TRUTH.get(value)
    return None


def liveness_key(record: dict[str, Any], false_is_death: bool) -> str:
    """The key of an object under which it says whether the device is there; "" when none does."""
    return next(
        (
            key
            for key, value in record.items()
            if squeezed(key) in _KEYS and liveness(value, false_is_death) is not None
        ),
        "",
    )
