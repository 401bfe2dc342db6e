import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mqtt_app.domain.delivery.messages import (
    WIRE_VERSION,
    Batch,
    Drop,
    Envelope,
    WireError,
    pack,
    unpack,
)

NUMBERS = st.integers(0, 2**31)
ENVELOPES = st.builds(
    Envelope,
    connection_id=NUMBERS,
    site_id=NUMBERS,
    generation=NUMBERS,
    epoch=NUMBERS,
    packet_id=st.integers(0, 65_535),
    topic=st.text(),
    payload=st.binary(),
    qos=st.integers(0, 2),
    retain=st.booleans(),
    dup=st.booleans(),
    received_at=st.floats(0, 1e10),
)
BATCHES = st.builds(
    Batch,
    id=st.text(),
    instance_id=st.text(),
    incarnation=st.text(),
    messages=st.lists(ENVELOPES, max_size=5).map(tuple),
    drops=st.lists(
        st.builds(Drop, site_id=NUMBERS, reason=st.text(), count=NUMBERS), max_size=3
    ).map(tuple),
    dead_letter_reason=st.text(),
)


@given(BATCHES)
def test_a_batch_survives_the_way_through_the_queue(batch: Batch) -> None:
    assert unpack(pack(batch)) == batch


@given(st.binary())
@example(b"\x94\xa1\x80")  # an id that is no UTF-8
def test_any_bytes_are_a_batch_or_a_wire_error(blob: bytes) -> None:
    try:
        batch = unpack(bytes((WIRE_VERSION,)) + blob)
    except WireError:
        return
    assert isinstance(batch, Batch)


@pytest.mark.parametrize("blob", [b"", bytes((WIRE_VERSION + 1,)), bytes((0,)) + b"more"])
def test_other_versions_are_refused(blob: bytes) -> None:
    with pytest.raises(WireError, match="wire version"):
        unpack(blob)


def test_a_batch_written_before_drops_existed_can_be_read() -> None:
    body = msgspec.msgpack.encode(["id", "worker-1", "start-1", []])
    assert unpack(bytes((WIRE_VERSION,)) + body) == Batch("id", "worker-1", "start-1", ())


@given(BATCHES)
def test_sizes_count_every_payload(batch: Batch) -> None:
    assert batch.size >= sum(len(message.payload) for message in batch.messages)
