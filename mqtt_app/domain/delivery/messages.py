"""One MQTT message as it came, and the batches it travels in.

The wire form of a batch is MessagePack with array-like structs (field order is the format: append
fields, never reorder) behind one version byte, so that old and new processes can share a queue
during a rolling deploy.
"""

import msgspec

WIRE_VERSION = 1


class WireError(ValueError):
    """A packed batch that this version cannot read."""


class Envelope(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A message with everything needed to store it and to acknowledge it, but no behaviour.

    `packet_id` is the MQTT Packet Identifier (0 at QoS 0). `epoch` counts the links of one owner: a
    PUBACK is only valid on the link that delivered the message. `received_at` is unix time in
    seconds, taken when the packet was read. `early`: acknowledged before its commit, or about to
    be, so it must not be left to the broker to deliver it again.
    """

    connection_id: int
    site_id: int
    generation: int
    epoch: int
    packet_id: int
    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    received_at: float
    early: bool = False

    @property
    def size(self) -> int:
        """Bytes this message holds in memory and on the wire, near enough for a bound."""
        return len(self.payload) + len(self.topic) + ENVELOPE_OVERHEAD


def plain(message: Envelope) -> Envelope:
    """Whatever its fields hold, in a form that can be packed."""
    payload = message.payload
    return msgspec.structs.replace(
        message,
        topic=str(message.topic).encode("ascii", "backslashreplace").decode(),
        payload=payload
        if isinstance(payload, bytes)
        else repr(payload).encode("ascii", "backslashreplace"),
    )


ENVELOPE_OVERHEAD = (
    100  # bytes; measured size of the numbers and object headers around topic and payload
)


DUPLICATE = "duplicate"  # a reason that is a term of the books by itself


class Drop(msgspec.Struct, array_like=True, frozen=True):
    """`count` messages of a site that were given up before they could be stored, so that the books
    still close.
    """

    site_id: int
    reason: str
    count: int


class Batch(msgspec.Struct, array_like=True, frozen=True):
    """Messages of one instance, handed over together and committed together.

    `id` is 32 hex digits; `incarnation` names the process start that waits for the receipt. With a
    `dead_letter_reason` the messages are not parsed but put aside as they are. `instead_of`: the
    batches that this one is a part of, the largest first. They are not in flight any more, as
    far as their owner knows; whichever is committed first counts. `tries`: how often it was sent
    before.
    """

    id: str
    instance_id: str
    incarnation: str
    messages: tuple[Envelope, ...]
    drops: tuple[Drop, ...] = ()
    dead_letter_reason: str = ""
    instead_of: tuple[str, ...] = ()
    tries: int = 0

    @property
    def size(self) -> int:
        return sum(message.size for message in self.messages)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Batch)


def pack(batch: Batch) -> bytes:
    return bytes((WIRE_VERSION,)) + _encoder.encode(batch)


def unpack(blob: bytes) -> Batch:
    """Raises WireError when the blob is of another version or damaged."""
    if not blob or blob[0] != WIRE_VERSION:
        raise WireError(
            f"batch of wire version {blob[0] if blob else 'none'}, this process reads {WIRE_VERSION}"
        )
    try:
        return _decoder.decode(memoryview(blob)[1:])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError(f"damaged batch: {error}") from error
