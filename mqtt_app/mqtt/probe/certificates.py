"""What a broker shows of itself in a TLS handshake, and what speaks at a port where it fails."""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import msgspec

from mqtt_app.domain.link.certificate_facts import CertificateFacts, facts_of
from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.failures import TLS, LinkFailure, not_mqtt
from mqtt_app.domain.probe import packets
from mqtt_app.mqtt.link import tls
from mqtt_app.mqtt.probe.dialing import ProbeDialer

DER = 2  # the form of certificates that Python's own module asks for by this number
LONGEST_LOOK = 2.0  # s
TRUSTED = "the CAs of this system trust it"
ABOUT_CERTIFICATES = "The broker's certificate"  # how failures begin that a look at it explains


def seen(sock: ssl.SSLSocket) -> Iterator[str]:
    cipher = sock.cipher()
    yield f"{sock.version()}, {cipher[0] if cipher else 'no cipher'}"
    for number, facts in enumerate(_chain(sock)):
        names = f"; for {', '.join(facts.names[:8])}" if facts.names else ""
        kind = "certificate" if not number else "signed by"
        yield (
            f"{kind}: {facts.subject or 'no subject'}; issued by {facts.issuer}{names}; valid from "
            f"{facts.not_before:%Y-%m-%d} to {facts.not_after:%Y-%m-%d}; SHA-256 {facts.fingerprint}"
        )


def looked_at(dialer: ProbeDialer) -> list[str]:
    """What the broker shows where it is not trusted, and whether the system would trust it."""
    found: list[str] = []
    with dialer.plain() as sock, contextlib.suppress(OSError, ValueError):
        if sock is not None:
            with dialer.handshake(sock, ca="", verify=False, identified=True) as secured:
                found += seen(secured)
    return [*found, *system_trust(dialer)]


def system_trust(dialer: ProbeDialer) -> list[str]:
    with dialer.plain() as sock:
        if sock is None:
            return []
        try:
            with dialer.handshake(sock, ca="", verify=True, identified=True):
                return [TRUSTED]
        except ssl.SSLCertVerificationError as error:
            return [f"the CAs of this system do not trust it ({error.verify_message})"]
        except (OSError, ValueError):
            return []


def speaks_plainly(dialer: ProbeDialer, config: ConnectionConfig) -> LinkFailure | None:
    """What answers without TLS; None when nothing is certain. No secret is sent."""
    with dialer.plain() as sock:
        if sock is None:
            return None
        first = _heard(sock, 0.5)
        if not first:
            stranger = msgspec.structs.replace(config, username="", password="")
            with contextlib.suppress(OSError):
                sock.sendall(packets.connect(stranger, v5=False, limit=0))
            first = _heard(sock, LONGEST_LOOK)
    if first[:1] == b"\x20":
        return tls.PLAIN
    other = not_mqtt(first)
    return other if other is not None and other.kind != TLS else None


def speaks_tls(dialer: ProbeDialer) -> bool:
    """Whether something at the port takes part in a handshake."""
    with dialer.plain() as sock:
        if sock is None:
            return False
        try:
            with dialer.handshake(sock, ca="", verify=False, identified=False):
                return True
        except ssl.SSLError as error:
            return "ALERT" in (error.reason or "")
        except (OSError, ValueError):
            return False


def _heard(sock: socket.socket, seconds: float) -> bytes:
    try:
        sock.settimeout(seconds)
        return sock.recv(64)
    except OSError:
        return b""


def _chain(sock: ssl.SSLSocket) -> list[CertificateFacts]:
    """As it was sent; where Python does not tell that, the broker's own."""
    inner: Any = getattr(sock, "_sslobj", None)
    sent = inner.get_unverified_chain() if hasattr(inner, "get_unverified_chain") else None
    ders = [found.public_bytes(DER) for found in sent or ()] or [sock.getpeercert(True) or b""]
    texts = [ssl.DER_cert_to_PEM_cert(der) for der in ders if der]
    return [facts for text in texts for facts in facts_of(text)]
