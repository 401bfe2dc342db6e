"""The PUBLISH packet, read straight from a buffer. MQTT 5 section 3.3, MQTT 3.1.1 section 3.3."""

import msgspec

from mqtt_app.domain.link.protocol.properties import (
    SUBSCRIPTION_IDENTIFIER,
    read_properties,
    variable,
)
from mqtt_app.domain.link.protocol.topic_names import TopicNames
from mqtt_app.domain.link.protocol.violations import (
    FIND_THE_MESSAGE,
    Violation,
    malformed,
    protocol_error,
)

# flags in the first byte
DUP = 8
QOS_1 = 2
RETAIN = 1


class Publish(msgspec.Struct, frozen=True, gc=False):
    """`packet_id` is 0 at QoS 0. `subscriptions`: MQTT 5's identifiers of those for which this copy
    was sent.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    packet_id: int
    subscriptions: tuple[int, ...] = ()


def read_publish(
    buffer: bytes, place: int, end: int, *, first: int, with_properties: bool, names: TopicNames
) -> Publish:
    """The PUBLISH of QoS 0 or 1 between `place`, behind its fixed header, and `end`. Raises
    Violation.

    `with_properties`: MQTT 5. Of the properties only the Subscription Identifiers are used.
    """
    subscriptions: tuple[int, ...] = ()
    packet_id = 0
    try:
        name_end = place + 2 + (buffer[place] << 8 | buffer[place + 1])
        name = buffer[place + 2 : name_end]
        place = name_end
        if first & QOS_1:
            packet_id = buffer[place] << 8 | buffer[place + 1]
            place = place + 2
        if with_properties:
            if buffer[place]:
                subscriptions, place = _subscriptions(buffer, place, end)
            else:
                place += 1
    except IndexError:
        raise _too_short() from None
    if place > end:
        raise _too_short()
    topic = names.find(name)
    if topic is None:
        topic = names.judge(name)
    if first & QOS_1 and not packet_id:
        raise protocol_error("a PUBLISH of QoS 1 with the packet identifier 0", FIND_THE_MESSAGE)
    qos = (first >> 1) & 3
    retain = bool(first & RETAIN)
    dup = bool(first & DUP)
    return Publish(topic, buffer[place:end], qos, retain, dup, packet_id, subscriptions)


def _too_short() -> Violation:
    return malformed("a PUBLISH that is shorter than its own topic and header")


def _subscriptions(buffer: bytes, place: int, end: int) -> tuple[tuple[int, ...], int]:
    """The Subscription Identifiers among the properties, and where these end. Most packets have
    nothing else there.
    """
    length, start = variable(buffer, place)
    found: list[int] = []
    at = start
    stop = start + length
    while at < stop and buffer[at] == SUBSCRIPTION_IDENTIFIER:
        number, at = variable(buffer, at + 1)
        found.append(number)
    if at == stop and all(found):
        return tuple(found), stop
    values, stop = read_properties(buffer[place:end], 0, "PUBLISH")
    return tuple(values.get(SUBSCRIPTION_IDENTIFIER, ())), place + stop
