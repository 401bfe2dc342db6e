"""What broken brokers are made of, and a case: what answers, what is set, and the one sentence that
says what is wrong.
"""

import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cryptography.x509.oid import ExtendedKeyUsageOID

from mqtt_app.domain.probe.stages import ProbeStage, Verdict
from tests.brokers import CertificateAuthority
from tests.fakes import strangers
from tests.fakes.picky import PickyBroker
from tests.fakes.rogue import RogueBroker, RogueLink
from tests.fakes.strangers import Stranger
from tests.fakes.wire import connack

OLD = {"protocol_version": "3.1.1"}
TLS = {"use_tls": True, "host": "localhost"}


class Server(Protocol):
    port: int

    def stop(self) -> None: ...


@dataclass
class World:
    """What servers are made of. `folder` is of one case alone."""

    folder: Path
    authority: CertificateAuthority
    other: CertificateAuthority
    server: tuple[Path, Path]

    def context(self, **options: Any) -> ssl.SSLContext:
        return strangers.server_context(*self.server, **options)


@dataclass(frozen=True)
class Broken:
    """`says`: the sentence, or its beginning. `config` changes a connection without TLS to
    127.0.0.1, `resolve` what the DNS says.
    """

    name: str
    stage: ProbeStage
    says: str
    make: Callable[[World], Server | None]
    config: dict[str, Any] = field(default_factory=dict)
    error_class: str = ""
    remedy: str = ""
    verdict: Verdict = Verdict.FAILED
    settings: Callable[[World], dict[str, Any]] = lambda world: {}
    resolve: Callable[[str, int], list[tuple[Any, ...]]] | None = None
    refused: str = ""  # by the guard


def at(*addresses: str) -> Callable[[str, int], list[tuple[Any, ...]]]:
    """A name with these addresses."""

    def resolve(_host: str, port: int) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for address in addresses:
            found += socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
        return found

    return resolve


def raising(error: Exception) -> Callable[[str, int], list[tuple[Any, ...]]]:
    def resolve(_host: str, _port: int) -> list[tuple[Any, ...]]:
        raise error

    return resolve


def hanging(_host: str, _port: int) -> list[tuple[Any, ...]]:
    time.sleep(5)
    return []


def raw(script: strangers.Script) -> Callable[[World], Server]:
    return lambda _world: Stranger(script)


def rogue(script: Callable[[RogueLink], None]) -> Callable[[World], Server]:
    return lambda _world: RogueBroker(script)


def picky(**options: Any) -> Callable[[World], Server]:
    return lambda _world: PickyBroker(**options)


def nobody(_world: World) -> Server | None:
    return None


def trusting(world: World) -> dict[str, Any]:
    return {"tls_ca": world.authority.pem}


def self_signed(**options: Any) -> Callable[[World], Server]:
    def make(world: World) -> Server:
        context, _ = strangers.certificate(world.folder, **options)
        return Stranger(strangers.listen, context)

    return make


def self_signed_and_trusted(**options: Any) -> dict[str, Any]:
    """The certificate is trusted, so that only its dates or names are wrong."""
    pems: dict[Path, str] = {}

    def make(world: World) -> Server:
        context, pems[world.folder] = strangers.certificate(world.folder, **options)
        return Stranger(strangers.listen, context)

    return {"make": make, "settings": lambda world: {"tls_ca": pems[world.folder]}}


def issued(begins: float, ends: float) -> Callable[[World], Server]:
    """With a certificate that the CA has signed, valid from and to so many days from now."""

    def make(world: World) -> Server:
        purpose = ExtendedKeyUsageOID.SERVER_AUTH
        texts = world.authority.issue("localhost", purpose, (begins, ends))
        paths = (world.folder / "server.pem", world.folder / "server.key")
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        return Stranger(strangers.listen, strangers.server_context(*paths))

    return make


def secured(
    script: strangers.Script = strangers.listen, **options: Any
) -> Callable[[World], Server]:
    """`client_ca`: True for the one that signs clients here."""

    def make(world: World) -> Server:
        asked = dict(options)
        if asked.pop("asks", False):
            asked["client_ca"] = world.authority.pem
        return Stranger(script, world.context(**asked))

    return make


def foreign_client(world: World) -> dict[str, Any]:
    pem, key = world.other.client()
    return trusting(world) | {"tls_client_certificate": pem, "tls_client_key": key}


def refusing(code: int) -> Callable[[RogueLink], None]:
    def script(link: RogueLink) -> None:
        link.send(connack(link.version, code))
        link.sock.shutdown(socket.SHUT_RDWR)

    return script


def subscribed(
    data: Callable[[str], bytes], *, closes: bool = False
) -> Callable[[RogueLink], None]:
    """Grants what is asked for, and sends this."""

    def script(link: RogueLink) -> None:
        link.accept()
        link.subscribed.wait(5)
        link.send(data(link.version))
        if closes:
            link.sock.shutdown(socket.SHUT_RDWR)

    return script


def instead_of_suback(data: Callable[[str], bytes]) -> Callable[[RogueLink], None]:
    def script(link: RogueLink) -> None:
        link.answers = False
        link.accept()
        until = time.monotonic() + 5
        while not any(first == 0x82 for first, _ in link.packets()) and time.monotonic() < until:
            time.sleep(0.01)
        link.send(data(link.version))

    return script


def half_a_connack(link: RogueLink) -> None:
    link.send(b"\x20\x03")
    link.sock.shutdown(socket.SHUT_RDWR)


def deaf(link: RogueLink) -> None:
    link.answers = False
    link.accept()


HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
SSH = b"SSH-2.0-OpenSSH_9.6\r\n"
OLD_TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x46"  # protocol_version
WEB = "A web server (HTTP) answers on this port, not an MQTT broker."
BEFORE_CONNACK = "The broker accepted the connection and closed it before it answered our CONNECT."
