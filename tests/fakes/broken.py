"""Brokers that do not work, as data: what answers, what is set, and the one sentence that says what
is wrong.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cryptography.x509.oid import ExtendedKeyUsageOID

from mqtt_app.domain.link.answers.reason_codes import REASON_CODES, RETURN_CODES
from mqtt_app.domain.probe.stages import ProbeStage, Verdict
from tests.brokers import CertificateAuthority
from tests.fakes import strangers
from tests.fakes.picky import PickyBroker, number
from tests.fakes.rogue import RogueBroker, RogueLink
from tests.fakes.strangers import FullPort, Stranger
from tests.fakes.wire import answer, connack, packet, publish

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


SETTINGS, LOOK_UP, TCP = ProbeStage.SETTINGS, ProbeStage.LOOK_UP, ProbeStage.TCP
HANDSHAKE, CONNECT = ProbeStage.TLS, ProbeStage.CONNECT
SUBSCRIBE, MESSAGE = ProbeStage.SUBSCRIBE, ProbeStage.MESSAGE
HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
SSH = b"SSH-2.0-OpenSSH_9.6\r\n"
OLD_TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x46"  # protocol_version
WEB = "A web server (HTTP) answers on this port, not an MQTT broker."
BEFORE_CONNACK = "The broker accepted the connection and closed it before it answered our CONNECT."

NETWORK = [
    Broken(
        "a name that nobody knows",
        LOOK_UP,
        "The name nowhere.test is not known to the DNS.",
        nobody,
        {"host": "nowhere.test"},
        "network",
        "Check the broker's host.",
        resolve=raising(socket.gaierror(socket.EAI_NONAME, "Name or service not known")),
    ),
    Broken(
        "a name server in trouble",
        LOOK_UP,
        "The name broker.test could not be looked up (Temporary failure).",
        nobody,
        {"host": "broker.test"},
        "network",
        resolve=raising(socket.gaierror(socket.EAI_AGAIN, "Temporary failure")),
    ),
    Broken(
        "a name server that hangs",
        LOOK_UP,
        "The DNS did not answer for broker.test in time.",
        nobody,
        {"host": "broker.test"},
        "network",
        resolve=hanging,
    ),
    Broken(
        "a name without an address",
        LOOK_UP,
        "The name broker.test has no address.",
        nobody,
        {"host": "broker.test"},
        "network",
        resolve=at(),
    ),
    Broken(
        "an address that the installation forbids",
        TCP,
        "127.0.0.1 is a loopback address",
        nobody,
        error_class="configuration",
        refused="127.0.0.1 is a loopback address, which a broker must not have here. Enter another.",
    ),
    Broken(
        "a closed port",
        TCP,
        "Nothing listens at 127.0.0.1:",
        nobody,
        error_class="network",
        remedy="Check the port; is the broker running?",
    ),
    Broken(
        "a firewall that drops packets",
        TCP,
        "No answer from 127.0.0.1:",
        lambda _world: FullPort(),
        error_class="network",
        remedy="Check host, port and firewalls.",
    ),
    Broken(
        "one dead address of two",
        TCP,
        "1 of 2 addresses do not answer.",
        picky(),
        {"host": "broker.test"},
        verdict=Verdict.WARNING,
        resolve=at("127.0.0.2", "127.0.0.1"),
    ),
]
STRANGERS = [
    Broken("a web server", CONNECT, WEB, raw(strangers.answers(HTTP)), error_class="configuration"),
    Broken(
        "an SSH server",
        CONNECT,
        "An SSH server answers on this port, not an MQTT broker.",
        raw(strangers.says(SSH)),
        error_class="configuration",
    ),
    Broken(
        "a mail server",
        CONNECT,
        "Whatever answers on this port is no MQTT broker.",
        raw(strangers.says(b"220 mail.example ESMTP\r\n")),
        error_class="configuration",
    ),
    Broken(
        "rubbish",
        CONNECT,
        "Whatever answers on this port is no MQTT broker.",
        raw(strangers.answers(b"\xff\xfe\xfd\xfc\xfb")),
        error_class="configuration",
    ),
    Broken(
        "silence",
        CONNECT,
        "The broker accepted the connection but never answered our CONNECT.",
        raw(strangers.listen),
        error_class="broker",
    ),
    Broken("a closed door", CONNECT, BEFORE_CONNACK, raw(strangers.hang_up), error_class="broker"),
    Broken(
        "half a CONNACK",
        CONNECT,
        "The broker broke the MQTT protocol: it sent the first 2 bytes of a packet, and not the rest",
        rogue(lambda link: link.send(b"\x20\x03")),
        error_class="broker",
    ),
    Broken(
        "half a CONNACK and a closed door",
        CONNECT,
        "The broker broke the MQTT protocol: it sent the first 2 bytes of a packet, and the connection",
        rogue(half_a_connack),
        error_class="broker",
    ),
    Broken(
        "a message before the CONNACK",
        CONNECT,
        "The broker broke the MQTT protocol: it sent a PUBLISH before its CONNACK.",
        rogue(lambda link: link.send(publish(link.version))),
        error_class="broker",
    ),
    Broken(
        "a CONNACK with more than it has room for",
        CONNECT,
        "The broker broke the MQTT protocol: it sent a CONNACK with reserved flags",
        rogue(
            lambda link: link.send(packet(0x20, b"\x07\x00\x00"[: 3 if link.version == "5" else 2]))
        ),
        error_class="broker",
    ),
    Broken(
        "TLS where none was expected",
        CONNECT,
        "The broker speaks TLS on this port and we spoke in plain.",
        secured(),
        error_class="tls",
        remedy="Turn on TLS.",
    ),
]
HANDSHAKES = [
    Broken(
        "plain MQTT at a TLS port",
        HANDSHAKE,
        "This port does not speak TLS.",
        picky(),
        TLS,
        "tls",
        "Turn off TLS, or enter the broker's TLS port.",
    ),
    Broken(
        "a web server without TLS",
        HANDSHAKE,
        WEB,
        raw(strangers.answers(HTTP)),
        TLS,
        "configuration",
    ),
    Broken(
        "an SSH server instead of TLS",
        HANDSHAKE,
        "An SSH server answers on this port, not an MQTT broker.",
        raw(strangers.says(SSH)),
        TLS,
        "configuration",
    ),
    Broken(
        "silence instead of TLS",
        HANDSHAKE,
        "The broker accepted the connection but did not answer our TLS greeting.",
        raw(strangers.listen),
        TLS,
        "tls",
        "Is it a TLS port?",
    ),
    Broken(
        "half a handshake",
        HANDSHAKE,
        "The broker closed the connection during the TLS handshake.",
        raw(strangers.answers(b"\x16\x03\x03\x00\x7a\x02\x00")),
        TLS,
        "tls",
        "Is this its TLS port?",
    ),
    Broken(
        "a broker with old TLS",
        HANDSHAKE,
        "The broker has no TLS newer than 1.1, which is broken.",
        raw(strangers.answers(OLD_TLS_ALERT)),
        TLS,
        "tls",
        "Whoever runs the broker has to turn on TLS 1.2 or 1.3.",
    ),
    Broken(
        "a certificate of a CA that nobody knows",
        HANDSHAKE,
        "The broker's certificate is not signed by a CA that we trust",
        secured(),
        TLS,
        "tls",
        "Enter the right CA certificate.",
    ),
    Broken(
        "a certificate of another CA than the one that is set",
        HANDSHAKE,
        "The broker's certificate is not signed by a CA that we trust",
        secured(),
        TLS,
        "tls",
        settings=lambda world: {"tls_ca": world.other.pem},
    ),
    Broken(
        "a self-signed certificate",
        HANDSHAKE,
        "The broker's certificate is self-signed, so no CA vouches for it.",
        self_signed(),
        TLS,
        "tls",
        "If it is the right one, enter it as the CA certificate.",
    ),
    Broken(
        "a certificate that has expired",
        HANDSHAKE,
        "The broker's certificate has expired.",
        config=TLS,
        error_class="tls",
        remedy="Whoever runs the broker has to renew it.",
        make=issued(-9, -2),
        settings=trusting,
    ),
    Broken(
        "a certificate that is not valid yet",
        HANDSHAKE,
        "The broker's certificate is not valid yet.",
        config=TLS,
        error_class="tls",
        remedy="Check the clocks of this server and of whoever issued it.",
        make=issued(2, 9),
        settings=trusting,
    ),
    Broken(
        "a certificate for another name",
        HANDSHAKE,
        "The broker's certificate is not for broker.test",
        config={"use_tls": True, "host": "broker.test"},
        error_class="tls",
        remedy="Enter the name that it is for.",
        resolve=at("127.0.0.1"),
        **self_signed_and_trusted(name="localhost"),
    ),
    Broken(
        "a broker that asks for a client certificate (TLS 1.3)",
        CONNECT,
        "The broker asks for a client certificate.",
        secured(asks=True),
        TLS,
        "credentials",
        "Enter one with its key.",
        settings=trusting,
    ),
    Broken(
        "a broker that asks for a client certificate (TLS 1.2)",
        HANDSHAKE,
        "The broker broke off the TLS handshake, as brokers do that ask for a client certificate",
        secured(asks=True, newest=ssl.TLSVersion.TLSv1_2),
        TLS,
        "credentials",
        settings=trusting,
    ),
    Broken(
        "a client certificate of the wrong CA",
        CONNECT,
        "The broker refused our client certificate",
        secured(asks=True),
        TLS,
        "credentials",
        settings=foreign_client,
    ),
    Broken(
        "a web server with TLS",
        CONNECT,
        WEB,
        secured(strangers.answers(HTTP)),
        TLS,
        "configuration",
        settings=trusting,
    ),
    Broken(
        "silence behind TLS",
        CONNECT,
        "The broker accepted the connection but never answered our CONNECT.",
        secured(),
        TLS,
        "broker",
        settings=trusting,
    ),
    Broken(
        "a closed door behind TLS",
        CONNECT,
        BEFORE_CONNACK,
        secured(strangers.hang_up),
        TLS,
        "broker",
        settings=trusting,
    ),
]
SUBSCRIPTIONS = [
    Broken(
        "a filter that is not allowed",
        SUBSCRIBE,
        "The broker refuses 1 of 1 topic filters: `plant/#`.",
        picky(suback_code=0x87),
        error_class="configuration",
        remedy="Ask whoever runs the broker for the right to it, or remove it.",
    ),
    Broken(
        "a filter that MQTT 3.1.1 refuses",
        SUBSCRIBE,
        "The broker refuses 1 of 1 topic filters: `plant/#`.",
        picky(suback_code=0x80),
        OLD,
        "configuration",
    ),
    Broken(
        "a broker without wildcards",
        SUBSCRIBE,
        "The broker refuses 1 of 1 topic filters: `plant/#`.",
        picky(properties=number(0x28, 1, 0)),
        error_class="configuration",
    ),
    Broken(
        "a broker that hangs up for a filter",
        SUBSCRIBE,
        "The broker closes the connection when asked for `plant/#`.",
        picky(hangs_up_for=lambda name: name == "plant/#"),
        error_class="broker",
        remedy="Ask whoever runs the broker for the right to it, or remove it.",
    ),
    Broken(
        "a broker that says goodbye for a filter",
        SUBSCRIBE,
        "The broker closes the connection when asked for `plant/#`.",
        rogue(instead_of_suback(lambda version: packet(0xE0, b"\x87\x00"))),
        error_class="broker",
    ),
    Broken(
        "a broker that never answers subscriptions",
        SUBSCRIBE,
        "The broker did not answer our subscriptions.",
        rogue(deaf),
        error_class="broker",
    ),
    Broken(
        "a SUBACK with a reserved code",
        SUBSCRIBE,
        "The broker broke the MQTT protocol: it sent a SUBACK with the reserved code 0x03.",
        rogue(instead_of_suback(lambda version: answer(0x90, version, 1, b"\x03"))),
        error_class="broker",
    ),
    Broken(
        "no message",
        MESSAGE,
        "Nothing arrived within 1 s.",
        picky(),
        verdict=Verdict.WARNING,
    ),
    Broken(
        "a message that MQTT forbids",
        MESSAGE,
        "The broker broke the MQTT protocol: it sent a PUBLISH of QoS 2",
        rogue(subscribed(lambda version: publish(version, qos=2))),
        error_class="broker",
    ),
    Broken(
        "a broker that leaves after the SUBACK",
        MESSAGE,
        "The broker closed the connection, or the network broke it.",
        rogue(subscribed(lambda version: b"", closes=True)),
        error_class="network",
    ),
]
SETTING = [
    Broken(
        "a CA certificate that is none",
        SETTINGS,
        "Not a PEM certificate",
        nobody,
        {**TLS, "tls_ca": "rubbish"},
        "configuration",
    ),
    Broken(
        "a host that cannot be one",
        SETTINGS,
        "A part between two dots of the host is empty.",
        nobody,
        {"host": "a..b"},
        "configuration",
    ),
]


def connacks() -> Iterator[Broken]:
    """Each code with which a broker may refuse, in both versions."""
    for code, reason in RETURN_CODES.items():
        yield Broken(
            f"MQTT 3.1.1 refuses with {code}",
            CONNECT,
            reason.words,
            rogue(refusing(code)),
            OLD,
            reason.kind,
            reason.remedy,
        )
    for code, reason in REASON_CODES.items():
        if code >= 0x80:
            yield Broken(
                f"MQTT 5 refuses with {code:#x}",
                CONNECT,
                reason.words,
                rogue(refusing(code)),
                {"protocol_version": "5"},
                reason.kind,
                reason.remedy,
            )


BROKEN = [*SETTING, *NETWORK, *STRANGERS, *HANDSHAKES, *connacks(), *SUBSCRIPTIONS]
