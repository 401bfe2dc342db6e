"""Every way in which a link comes up or does not, against real brokers and impostors."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.mqtt.runtime import Runtime
from tests.brokers import CertificateAuthority, Mosquitto
from tests.integration.runtime.world import World, connection, wait_for

pytestmark = pytest.mark.mosquitto


@pytest.fixture(scope="module")
def broker(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto()


@pytest.fixture(scope="module")
def secure(mosquitto: Callable[..., Mosquitto], authority: CertificateAuthority) -> Mosquitto:
    return mosquitto(users={"site": "correct"}, tls=authority)


@pytest.fixture
def impostor() -> Iterator[Callable[..., int]]:
    """`impostor(answer)`: a port where each connection is handled by `answer(sock)`, then closed."""
    servers = []

    def start(answer: Callable[[socket.socket], object]) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)
        threading.Thread(target=_accept, args=(server, answer), daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def _accept(server: socket.socket, answer: Callable[[socket.socket], object]) -> None:
    with contextlib.suppress(OSError):
        while True:
            sock, _ = server.accept()
            threading.Thread(target=_answer, args=(sock, answer), daemon=True).start()


def _answer(sock: socket.socket, answer: Callable[[socket.socket], object]) -> None:
    with sock, contextlib.suppress(OSError):
        answer(sock)


def secure_connection(broker: Mosquitto, **changes: Any) -> ConnectionConfig:
    values = {"use_tls": True, "tls_ca": broker.ca_pem, "username": "site", "password": "correct"}
    port = changes.pop("port", broker.tls_port)
    return connection(1, port, **(values | changes))


def error_of(
    world: World, run: Callable[..., Runtime], config: ConnectionConfig, **changes: Any
) -> tuple[str, str]:
    world.add(config)
    run(**changes)
    wait_for(lambda: world.status(1) == "error")
    return world.error(1)


def test_a_plain_link_speaks_mqtt_5_and_says_so(
    world: World,
    run: Callable[..., Runtime],
    rows: list[tuple[str, str, int | None]],
    broker: Mosquitto,
) -> None:
    world.add(connection(1, broker.port))
    run()
    wait_for(lambda: world.status(1) == "connected")
    assert world.statuses[1]["negotiated_version"] == "5"
    assert world.grants[1] == {"#": 1}
    assert ("INFO", f"Successfully connected to 127.0.0.1:{broker.port}", None) in rows


def test_a_link_with_a_ca_of_its_own_and_a_password_comes_up(
    world: World, run: Callable[..., Runtime], secure: Mosquitto
) -> None:
    world.add(secure_connection(secure))
    run()
    wait_for(lambda: world.status(1) == "connected")


def test_a_link_with_a_client_certificate_comes_up(
    world: World,
    run: Callable[..., Runtime],
    mosquitto: Callable[..., Mosquitto],
    authority: CertificateAuthority,
) -> None:
    broker = mosquitto(tls=authority, client_certificates=True)
    keys = {"tls_client_certificate": broker.client_pem, "tls_client_key": broker.client_key_pem}
    world.add(secure_connection(broker, username="", password="", **keys))
    run()
    wait_for(lambda: world.status(1) == "connected")


def test_a_missing_client_certificate_is_named(
    world: World,
    run: Callable[..., Runtime],
    mosquitto: Callable[..., Mosquitto],
    authority: CertificateAuthority,
) -> None:
    broker = mosquitto(tls=authority, client_certificates=True)
    kind, text = error_of(world, run, secure_connection(broker, username="", password=""))
    assert kind == "credentials"
    assert "client certificate" in text


def test_a_wrong_password_is_refused_and_asked_again_slowly(
    world: World,
    run: Callable[..., Runtime],
    rows: list[tuple[str, str, int | None]],
    secure: Mosquitto,
) -> None:
    kind, text = error_of(
        world,
        run,
        secure_connection(secure, password="wrong"),
        refused_base=60.0,
        refused_cap=900.0,
    )
    assert kind == "credentials"
    assert "user name" in text or "not authorized" in text
    time.sleep(0.5)
    assert [row[2] for row in rows if row[0] == "ERROR"] == [1]


def test_a_wrong_ca_is_a_tls_error(
    world: World, run: Callable[..., Runtime], secure: Mosquitto, tmp_path: Path
) -> None:
    from tests.brokers import CertificateAuthority

    kind, text = error_of(
        world, run, secure_connection(secure, tls_ca=CertificateAuthority(tmp_path).pem)
    )
    assert (kind, "CA" in text) == ("tls", True)


def test_an_unreadable_ca_is_a_configuration_error(
    world: World, run: Callable[..., Runtime], secure: Mosquitto
) -> None:
    kind, text = error_of(
        world, run, secure_connection(secure, tls_ca="-----BEGIN CERTIFICATE-----\nno")
    )
    assert (kind, "CA certificate" in text) == ("configuration", True)


def test_a_tls_port_spoken_to_in_plain_is_named(
    world: World, run: Callable[..., Runtime], secure: Mosquitto
) -> None:
    _, text = error_of(world, run, connection(1, secure.tls_port))
    assert "TLS" in text


def test_a_plain_port_spoken_to_with_tls_is_named(
    world: World, run: Callable[..., Runtime], broker: Mosquitto, secure: Mosquitto
) -> None:
    kind, text = error_of(world, run, secure_connection(secure, port=broker.port))
    assert kind == "tls"
    assert "TLS port" in text


def test_a_web_server_is_recognised(
    world: World, run: Callable[..., Runtime], impostor: Callable[..., int]
) -> None:
    port = impostor(
        lambda sock: (
            sock.recv(100),
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 200),
        )
    )
    kind, text = error_of(world, run, connection(1, port))
    assert kind == "configuration"
    assert "web server" in text


def test_a_broker_that_never_answers_is_given_up(
    world: World, run: Callable[..., Runtime], impostor: Callable[..., int]
) -> None:
    kind, text = error_of(world, run, connection(1, impostor(lambda sock: time.sleep(20))))
    assert (kind, "never answered" in text) == ("broker", True)


def test_a_broker_that_accepts_and_drops_is_asked_ever_more_rarely(
    world: World,
    run: Callable[..., Runtime],
    rows: list[tuple[str, str, int | None]],
    impostor: Callable[..., int],
) -> None:
    seen: list[float] = []
    kind, text = error_of(
        world, run, connection(1, impostor(lambda sock: seen.append(time.monotonic())))
    )
    assert (kind, "closed it" in text) == ("broker", True)
    assert world.statuses[1]["retry_count"] >= 1


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_a_host_that_is_no_host_name_is_a_configuration_error(
    world: World, run: Callable[..., Runtime], host: str
) -> None:
    assert error_of(world, run, connection(1, 1883, host=host))[0] == "configuration"


def test_a_closed_port_is_a_network_error(world: World, run: Callable[..., Runtime]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    kind, text = error_of(world, run, connection(1, port))
    assert (kind, "refused" in text) == ("network", True)


def test_a_forbidden_address_is_never_dialled(
    world: World, run: Callable[..., Runtime], impostor: Callable[..., int]
) -> None:
    seen: list[socket.socket] = []
    port = impostor(seen.append)
    kind, text = error_of(
        world, run, connection(1, port), guard=lambda _, address, port: f"{address} is inner"
    )
    assert (kind, text, seen) == ("configuration", "127.0.0.1 is inner", [])


def test_a_link_comes_from_the_address_that_the_settings_name(
    world: World, run: Callable[..., Runtime], broker: Mosquitto
) -> None:
    world.add(connection(1, broker.port))
    run(bind_address="127.0.0.9")
    wait_for(lambda: world.status(1) == "connected")
    assert "New client connected from 127.0.0.9:" in broker.log_text()


def test_an_address_that_is_not_ours_is_a_configuration_error(
    world: World, run: Callable[..., Runtime], broker: Mosquitto
) -> None:
    kind, text = error_of(world, run, connection(1, broker.port), bind_address="192.0.2.1")
    assert (kind, "SITEWIRE_BIND_ADDRESS 192.0.2.1" in text) == ("configuration", True)


def test_a_broker_of_3_1_1_only_is_spoken_to_in_3_1_1(
    world: World, run: Callable[..., Runtime], impostor: Callable[..., int], broker: Mosquitto
) -> None:
    def relay(sock: socket.socket) -> None:
        greeting = sock.recv(1000)
        if greeting[8] == 5:
            return  # as brokers do that never heard of MQTT 5
        with socket.create_connection(("127.0.0.1", broker.port)) as upstream:
            upstream.sendall(greeting)
            threading.Thread(target=_pump, args=(upstream, sock), daemon=True).start()
            _pump(sock, upstream)

    world.add(connection(1, impostor(relay)))
    run()
    wait_for(lambda: world.status(1) == "connected")
    assert world.statuses[1]["negotiated_version"] == "3.1.1"


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(10_000):
            target.sendall(data)


def test_a_name_that_is_looked_up_for_ever_delays_no_other_link(
    world: World, run: Callable[..., Runtime], broker: Mosquitto
) -> None:
    release = threading.Event()

    def resolve(host: str, port: int) -> Any:
        if host == "hangs.example":
            release.wait(20)
        return socket.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM)

    for number in range(1, 21):
        world.add(connection(number, broker.port, host="hangs.example"))
    world.add(connection(21, broker.port))
    run(resolve=resolve, dial_threads=16)
    wait_for(lambda: world.status(21) == "connected", 2)
    release.set()
