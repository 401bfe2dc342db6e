"""Name look-up, TCP and TLS of a test, one address at a time."""

import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.failures import CONFIGURATION, NETWORK, LinkFailure
from mqtt_app.mqtt.link import tls
from mqtt_app.mqtt.link.dial_failures import cannot_bind, no_socket, unreachable, unresolved
from mqtt_app.mqtt.probe.deadline import Deadline, ProbeTimeouts

Resolver = Callable[[str, int], list[tuple[Any, ...]]]
# (host, its address, port) -> why it must not be dialled, "" when it may
Guard = Callable[[str, str, int], str]


class ProbeTools(msgspec.Struct, frozen=True):
    """`limit`: bytes of a packet that are taken. `source`: local address, "" for any."""

    guard: Guard
    limit: int
    source: str = ""
    resolve: Resolver | None = None
    timeouts: ProbeTimeouts = ProbeTimeouts()


class ProbeDialer:
    """Dials the broker of `config`, as often as it is asked to. Each address is judged right before
    it is dialled.
    """

    def __init__(self, config: ConnectionConfig, tools: ProbeTools, deadline: Deadline) -> None:
        self._config = config
        self._tools = tools
        self._deadline = deadline
        self.answer: tuple[Any, ...] | None = None  # of getaddrinfo: the address that answers

    def look_up(self) -> list[tuple[Any, ...]] | LinkFailure:
        host = self._config.host
        found: queue.SimpleQueue[Any] = queue.SimpleQueue()
        resolve = self._tools.resolve or addresses_of

        def ask() -> None:
            try:
                found.put(resolve(host, self._config.port))
            except (OSError, ValueError) as error:
                found.put(error)

        # Nothing ends a look-up that hangs; its thread is left behind.
        threading.Thread(target=ask, name="probe-look-up", daemon=True).start()
        try:
            result = found.get(timeout=self._deadline.at_most(self._tools.timeouts.look_up))
        except queue.Empty:
            return LinkFailure(
                NETWORK,
                f"The DNS did not answer for {host} in time. Check the name server of this machine.",
            )
        if isinstance(result, ValueError):
            return LinkFailure(
                CONFIGURATION, f"{host!r} is not a host name. Correct the broker's host."
            )
        if isinstance(result, OSError):
            return unresolved(host, result)
        return result or LinkFailure(NETWORK, f"The name {host} has no address.")

    def connect(self, answer: tuple[Any, ...]) -> socket.socket | LinkFailure:
        """A TCP connection to one answer of getaddrinfo."""
        family, kind, protocol, _, address = answer
        config = self._config
        forbidden = self._tools.guard(config.host, str(address[0]), int(address[1]))
        if forbidden:
            return LinkFailure(CONFIGURATION, forbidden)
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:
            return no_socket(error)
        source = self._tools.source
        try:
            if source:
                sock.bind((source, 0))
        except OSError as error:
            sock.close()
            return cannot_bind(source, str(address[0]), error)
        try:
            sock.settimeout(self._deadline.at_most(self._tools.timeouts.tcp))
            sock.connect(address)
        except OSError as error:
            sock.close()
            return unreachable(config.host, config.port, str(address[0]), error)
        return sock

    def secure(
        self, sock: socket.socket, *, ca: str, verify: bool, identified: bool = True
    ) -> ssl.SSLSocket | LinkFailure:
        """The TLS handshake; `sock` is closed where it fails."""
        try:
            return self.handshake(sock, ca=ca, verify=verify, identified=identified)
        except tls.TlsSettingsError as error:
            sock.close()
            return LinkFailure(CONFIGURATION, str(error))
        except (OSError, ValueError) as error:
            sock.close()
            shown = identified and bool(self._config.tls_client_certificate)
            return tls.explain(error, self._config.host, identified=shown)

    def handshake(
        self, sock: socket.socket, *, ca: str, verify: bool, identified: bool
    ) -> ssl.SSLSocket:
        """Raises what OpenSSL says. `identified`: with our client certificate."""
        config = self._config
        certificate = config.tls_client_certificate if identified else ""
        key = config.tls_client_key if identified else ""
        context = tls.fresh_context(ca=ca, certificate=certificate, key=key, verify=verify)
        sock.settimeout(self._deadline.at_most(self._tools.timeouts.tls))
        return context.wrap_socket(sock, server_hostname=config.host)

    def again(self) -> socket.socket | LinkFailure:
        """One more connection to the address that answered, as the settings want it."""
        assert self.answer is not None
        sock = self.connect(self.answer)
        if isinstance(sock, LinkFailure) or not self._config.use_tls:
            return sock
        return self.secure(sock, ca=self._config.tls_ca, verify=self._config.tls_verify)

    @contextlib.contextmanager
    def plain(self) -> Iterator[socket.socket | None]:
        """A TCP connection to the address that answered, None when there is none; closed at the
        end.
        """
        assert self.answer is not None
        sock = self.connect(self.answer)
        if isinstance(sock, LinkFailure):
            yield None
            return
        with sock:
            yield sock


def addresses_of(host: str, port: int) -> list[tuple[Any, ...]]:
    host.encode("idna")  # raises UnicodeError for `a..b`, before getaddrinfo does in its work
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
