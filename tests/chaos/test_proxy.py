"""The faults are what they are called: a chaos test on a proxy that does nothing would prove
nothing.
"""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import FaultProxy, Mode
from tests.stack import wait_for


@pytest.fixture
def echo() -> Iterator[int]:
    """Port of a server that sends back what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def _serve(server: socket.socket) -> None:
    while True:
        try:
            sock, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(sock,), daemon=True).start()


def _answer(sock: socket.socket) -> None:
    try:
        while data := sock.recv(65_536):
            sock.sendall(data)
    except OSError:
        pass
    finally:
        sock.close()


@pytest.fixture
def proxy(echo: int) -> Iterator[FaultProxy]:
    with FaultProxy(echo) as between:
        yield between


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as sock:
        sock.sendall(b"hello")
        assert sock.recv(100) == b"hello"
        sock.settimeout(0.3)
        yield sock


def test_what_is_held_arrives_late_and_whole(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.mode = Mode.HOLD
    client.sendall(b"late")
    with pytest.raises(TimeoutError):
        client.recv(100)
    proxy.mode = Mode.PASS
    assert client.recv(100) == b"late"


@pytest.mark.parametrize("mode", [Mode.BLACKHOLE, Mode.DEAF, Mode.MUTE])
def test_what_is_swallowed_never_arrives(
    proxy: FaultProxy, client: socket.socket, mode: Mode
) -> None:
    proxy.mode = mode
    client.sendall(b"lost")
    with pytest.raises(TimeoutError):
        client.recv(100)
    proxy.mode = Mode.PASS
    client.sendall(b"next")
    assert client.recv(100) == b"next"


def test_new_connections_are_refused_and_old_ones_live(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.mode = Mode.REFUSE
    with (  # the reset comes while connecting or right after
        pytest.raises(ConnectionResetError),
        socket.create_connection(("127.0.0.1", proxy.port), 5) as late,
    ):
        late.recv(1)
    client.sendall(b"still")
    assert client.recv(100) == b"still"


def test_one_reply_is_dropped_with_its_connection(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.mode = Mode.DROP_REPLY
    client.sendall(b"answer me")
    client.settimeout(5)
    with pytest.raises(ConnectionResetError):
        client.recv(100)
    assert proxy.mode is Mode.PASS


def test_a_packet_is_cut_in_its_middle() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        FaultProxy(server.getsockname()[1]) as proxy,
    ):
        client = socket.create_connection(("127.0.0.1", proxy.port), 5)
        behind, _ = server.accept()
        proxy.mode = Mode.CUT
        client.sendall(b"12345678")
        behind.settimeout(5)
        assert behind.recv(100) == b"1234"
        with pytest.raises(ConnectionResetError):
            behind.recv(100)
        client.close()
        behind.close()


def test_a_delay_holds_up_each_chunk_and_no_other_connection(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.delay = 0.2
    begun = time.monotonic()
    client.settimeout(5)
    client.sendall(b"slow")
    assert client.recv(100) == b"slow"
    assert 0.4 <= time.monotonic() - begun < 3


def test_a_throttle_lets_so_many_bytes_through_a_second(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.rate = 10_000.0
    begun, heard = time.monotonic(), 0
    client.settimeout(5)
    client.sendall(bytes(4_000))
    while heard < 4_000:
        heard += len(client.recv(65_536))
    assert 0.3 <= time.monotonic() - begun < 3


def test_a_client_that_is_kept_hears_nothing_of_the_servers_end_and_is_heard() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        FaultProxy(server.getsockname()[1], records=True) as proxy,
    ):
        client = socket.create_connection(("127.0.0.1", proxy.port), 5)
        behind, _ = server.accept()
        proxy.keeps_clients = True
        behind.close()
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.sendall(b"too late")
        wait_for(lambda: [data for *_, data in proxy.heard] == [b"too late"], 5)
        client.close()


def test_the_server_sees_the_address_that_the_client_came_from() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        FaultProxy(server.getsockname()[1]) as proxy,
    ):
        client = socket.create_connection(
            ("127.0.0.1", proxy.port), 5, source_address=("127.0.1.7", 0)
        )
        behind, (address, _) = server.accept()
        assert address == "127.0.1.7"
        client.close()
        behind.close()


def test_a_reset_cuts_everybody(proxy: FaultProxy, client: socket.socket) -> None:
    assert len(proxy) == 1
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert len(proxy) == 0
