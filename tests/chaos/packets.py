"""The types of MQTT packets in a piece of a stream that begins at a packet."""

from collections.abc import Iterator


def first_packets(data: bytes) -> Iterator[int]:
    """Packet type of each packet, MQTT 5.0 section 2.1; the last one may be cut off."""
    at = 0
    while at + 1 < len(data):
        yield data[at] >> 4
        length, shift, at = 0, 0, at + 1
        while at < len(data):
            length |= (data[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not data[at - 1] & 0x80:
                break
        at += length
