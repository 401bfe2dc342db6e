"""What a payload codec made of an uplink: any JSON, read by the rules of JSON of no known family.

Only that the device is certain: an address or serial number in the object is a value of the device,
and so are the beacons and access points that it heard.
"""

from typing import Any

import msgspec

from mqtt_app.domain.facts import DeviceDescription, ReadingFact
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.generic.identity import identity_key
from mqtt_app.parsers.generic.records import RecordReader
from mqtt_app.parsers.generic.topic_roles import TopicRole
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings

MAX_IDENTITIES = 8  # keys that may name the device; an object with more is no device's


def add_decoded(
    readings: TreeReadings, origin: ReadingOrigin, decoded: Any, message: Message
) -> None:
    """`message` for the time of receipt and the time zone of local times in the object."""
    rest = decoded
    if isinstance(decoded, dict):
        identities = _identities(decoded)
        for key in identities:
            readings.add(origin, key, decoded[key], is_literal=True)
        rest = {key: value for key, value in decoded.items() if key not in identities}
    role = TopicRole(device=origin.device, parent=origin.device, metric="value")
    facts = RecordReader(role, message.received_at, message.time_zone).read(rest)
    if any(isinstance(fact, ReadingFact) and fact.device != origin.device for fact in facts):
        readings.add_tree(origin, rest)  # lists of beacons or access points that it heard
        return
    for fact in facts:
        if not isinstance(fact, DeviceDescription):
            readings.take(origin, fact)
        elif fact.manufacturer or fact.model or fact.software:
            readings.take(origin, msgspec.structs.replace(fact, name=""))  # the server names it


def _identities(record: dict[str, Any]) -> list[str]:
    found: list[str] = []
    rest = dict(record)
    while (key := identity_key(rest)) and len(found) < MAX_IDENTITIES:
        found.append(key)
        del rest[key]
    return found
