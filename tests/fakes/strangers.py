"""Servers that are no brokers, or broken before MQTT begins: raw TCP and TLS as a script says."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
Script = Callable[[socket.socket], None]


class Stranger:
    """Runs `script` with each connection, and closes it then."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._server = socket.create_server(("127.0.0.1", 0), backlog=100)
        self._over = threading.Event()
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            sock.settimeout(20)
            secured = self._tls.wrap_socket(sock, server_side=True) if self._tls else sock
            with secured:
                self._script(secured)


class FullPort:
    """Listens, and answers nobody: its backlog is full, so that SYN packets are dropped."""

    def __init__(self) -> None:
        self._server = socket.socket()
        self._server.bind(("127.0.0.1", 0))
        self._server.listen(0)
        self.port = int(self._server.getsockname()[1])
        self._fillers = [socket.socket() for _ in range(4)]
        for filler in self._fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))

    def stop(self) -> None:
        for sock in (*self._fillers, self._server):
            sock.close()


def says(data: bytes) -> Script:
    """At once, as servers do that speak first; then it waits for the end."""

    def script(sock: socket.socket) -> None:
        sock.sendall(data)
        listen(sock)

    return script


def answers(data: bytes) -> Script:
    """To whatever comes; then it closes."""

    def script(sock: socket.socket) -> None:
        if sock.recv(65_536):
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            listen(sock)

    return script


def listen(sock: socket.socket) -> None:
    """Takes everything and says nothing."""
    while sock.recv(65_536):
        pass


def hang_up(sock: socket.socket) -> None:
    """As soon as something comes."""
    sock.recv(65_536)


def certificate(
    folder: Path,
    name: str = "localhost",
    *,
    begins: float = -1,
    ends: float = 1,
) -> tuple[ssl.SSLContext, str]:
    """Server side of a self-signed certificate, valid from and to so many days from now, and its
    PEM.
    """
    now = datetime.datetime.now(datetime.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins * DAY)
        .not_valid_after(now + ends * DAY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path = folder / "self-signed.pem"
    path.write_bytes(secret + pem)
    return server_context(path, path), pem.decode()


def server_context(
    certificate_path: Path,
    key_path: Path,
    *,
    client_ca: str = "",
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> ssl.SSLContext:
    """`client_ca`: PEM of the CA whose client certificates are required, "" for none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_path, key_path)
    context.maximum_version = newest
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_ca)
    return context
