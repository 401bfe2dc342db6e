"""What a link is read through: nothing there is no error, and an error leaves nothing behind."""

import gc
import socket

import pytest

from mqtt_app.mqtt.buffered import BufferedSocket

PUBLISH = b"\x30\x04\x00\x01ax"


@pytest.fixture
def ends():
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield BufferedSocket(near), far


def test_what_is_there_is_taken_and_then_it_is_dry(ends):
    near, far = ends
    far.sendall(PUBLISH * 2)
    assert [near.next_publish(with_properties=False).payload for _ in range(2)] == [b"x", b"x"]
    assert (near.next_publish(with_properties=False), near.is_dry()) == (None, True)
    far.sendall(PUBLISH)
    assert near.next_publish(with_properties=False).payload == b"x"


def test_a_part_of_a_packet_is_not_dry_and_is_read_when_the_rest_comes(ends):
    near, far = ends
    far.sendall(PUBLISH[:3])
    assert (near.next_publish(with_properties=False), near.is_dry()) == (None, False)
    assert near.recv(100) == PUBLISH[:3]
    with pytest.raises(BlockingIOError):
        near.recv(100)


def test_the_end_of_the_stream_is_not_dry_and_is_told_by_the_next_read(ends):
    near, far = ends
    far.close()
    assert (near.next_publish(with_properties=False), near.is_dry()) == (None, False)
    assert near.recv(1) == b""


def test_an_error_that_waited_leaves_nothing_to_the_garbage_collector(ends):
    near, _ = ends
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            assert near.next_publish(with_properties=False) is None
            with pytest.raises(BlockingIOError):
                near.recv(1)
        left = [type(one) for one in gc.get_objects() if isinstance(one, BlockingIOError)]
    finally:
        gc.enable()
    assert left == []
