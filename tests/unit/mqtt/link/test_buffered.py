"""What a link is read through: nothing there is no error, and an error leaves nothing behind."""

import gc
import socket
from collections.abc import Callable, Iterator

import pytest

from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.link.protocol.control_packets import ControlPacket
from mqtt_app.domain.link.protocol.stream import PacketStream
from mqtt_app.domain.link.protocol.topic_names import TopicNames
from mqtt_app.mqtt.link.buffered import CHUNK, CHUNKS_PER_TURN, BufferedSocket
from mqtt_app.mqtt.link.unfinished import UnfinishedBytes
from tests.fakes.wire import connack, publish
from tests.narrowing import kind_of

PUBLISH = publish("3.1.1", b"a", b"x")


class Ends:
    """Both ends of a link; `near` is what we read."""

    def __init__(self, shared: UnfinishedBytes) -> None:
        sock, self.far = socket.socketpair()
        sock.setblocking(False)
        self.given_up = False
        stream = PacketStream(v5=False, limit=16_777_216, names=TopicNames())
        self.near = BufferedSocket(sock, stream, shared, self._give_up)
        self.far.sendall(connack("3.1.1"))
        self.turn()

    def turn(self) -> list[Publish | ControlPacket]:
        """Packets of one turn."""
        self.near.begin_turn()
        found: list[Publish | ControlPacket] = []
        while (packet := self.near.next_packet()) is not None:
            found.append(packet)
        return found

    def _give_up(self) -> None:
        self.given_up = True

    def close(self) -> None:
        self.near.close()
        self.far.close()


@pytest.fixture
def shared() -> UnfinishedBytes:
    return UnfinishedBytes(1_000)


@pytest.fixture
def link(shared: UnfinishedBytes) -> Iterator[Callable[[], Ends]]:
    made = []

    def make() -> Ends:
        made.append(Ends(shared))
        return made[-1]

    yield make
    for ends in made:
        ends.close()


def test_what_is_there_is_taken_and_then_nothing_is_until_more_comes(
    link: Callable[[], Ends],
) -> None:
    ends = link()
    ends.far.sendall(PUBLISH * 2)
    assert [kind_of(Publish, message).payload for message in ends.turn()] == [b"x", b"x"]
    assert ends.turn() == []
    ends.far.sendall(PUBLISH)
    assert len(ends.turn()) == 1


def test_a_part_of_a_packet_is_read_when_the_rest_comes_and_is_accounted_for_meanwhile(
    link: Callable[[], Ends], shared: UnfinishedBytes
) -> None:
    ends = link()
    ends.far.sendall(PUBLISH + PUBLISH[:3])
    assert (len(ends.turn()), shared.total) == (1, 3)
    ends.far.sendall(PUBLISH[3:])
    assert (len(ends.turn()), shared.total) == (1, 0)


def test_the_end_of_the_stream_comes_behind_what_was_sent(link: Callable[[], Ends]) -> None:
    ends = link()
    ends.far.sendall(PUBLISH)
    ends.far.shutdown(socket.SHUT_WR)
    assert len(ends.turn()) == 1
    ends.near.begin_turn()
    with pytest.raises(EOFError):
        ends.near.next_packet()


def test_a_link_that_has_much_leaves_the_others_their_turn(link: Callable[[], Ends]) -> None:
    ends = link()
    ends.far.setblocking(False)
    ends.far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2_000_000)
    packets = ends.far.send(PUBLISH * 60_000) // len(PUBLISH)
    first = len(ends.turn())
    assert first <= CHUNKS_PER_TURN * CHUNK // len(PUBLISH) + 1
    assert ends.near.holds_more() == (first < packets)
    if first < packets:
        assert len(ends.turn()) > 0


def test_nothing_that_is_there_leaves_something_to_the_garbage_collector(
    link: Callable[[], Ends],
) -> None:
    ends = link()
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            assert ends.turn() == []
        kinds = map(type, gc.get_objects())  # `isinstance` would ask a weak proxy of another test
        left = [kind for kind in kinds if issubclass(kind, BlockingIOError)]
    finally:
        gc.enable()
    assert left == []


def test_the_packet_that_began_first_makes_room_for_the_others(
    link: Callable[[], Ends], shared: UnfinishedBytes
) -> None:
    large = publish("3.1.1", b"a", bytes(700))
    oldest, middle, newest = link(), link(), link()
    for ends, size in ((oldest, 300), (middle, 400), (newest, 200)):
        ends.far.sendall(large[:size])
        ends.turn()
    assert shared.total == 900
    newest.far.sendall(large[200:400])
    newest.turn()
    assert [ends.given_up for ends in (oldest, middle, newest)] == [True, False, False]
    assert shared.total == 800
    newest.far.sendall(large[400:])
    assert (len(newest.turn()), shared.total) == (1, 400)


def test_a_packet_that_alone_is_more_than_all_may_have_is_given_up(
    link: Callable[[], Ends],
) -> None:
    alone = link()
    alone.far.sendall(publish("3.1.1", b"a", bytes(5_000))[:1_500])
    assert alone.turn() == []
    assert alone.given_up


def test_a_closed_link_holds_nothing(link: Callable[[], Ends], shared: UnfinishedBytes) -> None:
    ends = link()
    ends.far.sendall(PUBLISH[:3])
    ends.turn()
    ends.near.close()
    assert shared.total == 0
