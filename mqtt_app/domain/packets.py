"""The PUBLISH packet, read straight from a buffer. MQTT 5 section 3.3, MQTT 3.1.1 section 3.3."""

import msgspec

PUBLISH = 0x30  # upper half of the first byte of the packet


class Publish(msgspec.Struct, frozen=True, gc=False):
    """`topic` is not known to be UTF-8. `mid`: Packet Identifier, 0 at QoS 0. `subscriptions`: MQTT 5's identifiers of
    those for which this copy was sent.
    """

    topic: bytes
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    mid: int
    subscriptions: tuple[int, ...] = ()


def read_publish(buffer: bytes, start: int, *, with_properties: bool) -> tuple[Publish, int] | None:
    """The packet that begins at `start`, and where the next one begins.

    None unless it is a whole, well-formed PUBLISH of QoS 0 or 1 with a topic: whatever else it is, is not decided here.
    `with_properties`: MQTT 5. Of the properties only the Subscription Identifiers are read.
    """
    try:
        first = buffer[start]
        qos = (first >> 1) & 3
        if first & 0xF0 != PUBLISH or qos > 1:
            return None
        length, place = _variable(buffer, start + 1)
        end = place + length
        name_end = place + 2 + (buffer[place] << 8 | buffer[place + 1])
        topic, place, mid = buffer[place + 2 : name_end], name_end, 0
        subscriptions: tuple[int, ...] = ()
        if qos:
            mid, place = buffer[place] << 8 | buffer[place + 1], place + 2
        if with_properties:
            length, place = _variable(buffer, place)
            if length:
                subscriptions = _subscriptions(buffer, place, place + length)
            place += length
    except IndexError:
        return None
    if end > len(buffer) or place > end or not topic or (qos and not mid):
        return None
    return Publish(topic, buffer[place:end], qos, bool(first & 1), bool(first & 8), mid, subscriptions), end


# Properties of a PUBLISH, MQTT 5 section 3.3.2.3: bytes of the fixed ones, number of strings of the others.
_FIXED = {0x01: 1, 0x02: 4, 0x23: 2}  # Payload Format Indicator, Message Expiry Interval, Topic Alias
_STRINGS = {0x03: 1, 0x08: 1, 0x09: 1, 0x26: 2}  # Content Type, Response Topic, Correlation Data, User Property
_SUBSCRIPTION_IDENTIFIER = 0x0B


def _subscriptions(buffer: bytes, place: int, end: int) -> tuple[int, ...]:
    """The Subscription Identifiers among the properties; IndexError when these are not well formed."""
    found: list[int] = []
    while place < end:
        kind, place = buffer[place], place + 1
        if kind == _SUBSCRIPTION_IDENTIFIER:
            number, place = _variable(buffer, place)
            found.append(number)
        elif kind in _FIXED:
            place += _FIXED[kind]
        elif kind in _STRINGS:
            for _ in range(_STRINGS[kind]):
                place += 2 + (buffer[place] << 8 | buffer[place + 1])
        else:
            raise IndexError
    if place != end:
        raise IndexError
    return tuple(found)


def _variable(buffer: bytes, place: int) -> tuple[int, int]:
    """A Variable Byte Integer (MQTT 5 section 1.5.5) and where it ends; IndexError when it does not."""
    value = buffer[place]
    if value < 128:
        return value, place + 1
    value, shift = value & 127, 7
    while shift < 28:
        place += 1
        byte = buffer[place]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place + 1
        shift += 7
    raise IndexError
