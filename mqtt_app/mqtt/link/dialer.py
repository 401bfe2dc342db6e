"""Name look-up, TCP and TLS in a pool of threads, because each of them may block for as long as it
likes.
"""

import queue
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.failures import CONFIGURATION, INTERNAL, NETWORK, LinkFailure
from mqtt_app.domain.link.resolved import ipv6_first, patience_for
from mqtt_app.domain.link.stages import Stage, StageTime
from mqtt_app.mqtt.link import tls
from mqtt_app.mqtt.link.dial_failures import (
    cannot_bind,
    no_socket,
    unreachable,
    unresolved,
)

Resolver = Callable[[str, int], list[tuple[Any, ...]]]
# (host, its address, port) -> why it must not be dialled, "" when it may
Guard = Callable[[str, str, int], str]


class Dial:
    """One attempt. `finished` is called on a thread of the pool. `cancel` from any thread: the result
    is closed then, and `finished` not called.
    """

    def __init__(
        self,
        config: ConnectionConfig,
        finished: Callable[["Dial", socket.socket | LinkFailure], None],
    ) -> None:
        self.config = config
        self._finished = finished
        self.cancelled = False
        self.stage = StageTime()

    def enter(self, stage: Stage) -> None:
        """For those who look at how far it is, on any thread."""
        self.stage = StageTime(stage, time.time())

    def cancel(self) -> None:
        self.cancelled = True

    def finish(self, result: socket.socket | LinkFailure) -> None:
        if not self.cancelled:
            self._finished(self, result)
        elif isinstance(result, socket.socket):
            result.close()


class DialSettings(msgspec.Struct, frozen=True):
    threads: int = 64
    timeout: float = 10.0  # s; for TCP, and again for each step of TLS
    source: str = ""  # the local address to connect from, "" for any


class Dialer:
    """At most an eighth of the threads work for one host, so a host that hangs holds up no other."""

    def __init__(
        self, settings: DialSettings, guard: Guard, resolve: Resolver | None = None
    ) -> None:
        self._settings = settings
        self._guard = guard
        self._resolve = resolve or _look_up
        self._per_host = max(2, settings.threads // 8)
        self._lock = threading.Lock()
        self._waiting: dict[str, queue.SimpleQueue[Dial]] = {}
        self._busy: Counter[str] = Counter()
        self._ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = 0

    def dial(self, attempt: Dial) -> None:
        """Never blocks. The attempt finishes with a connected, non-blocking socket or a
        LinkFailure, on a thread of the pool.
        """
        with self._lock:
            host = attempt.config.host
            self._waiting.setdefault(host, queue.SimpleQueue()).put(attempt)
            if self._busy[host] < self._per_host:
                self._busy[host] += 1
                self._ready.put(host)
            if self._ready.qsize() > self._idle and len(self._threads) < self._settings.threads:
                self._threads.append(
                    threading.Thread(target=self._work, name="mqtt-dial", daemon=True)
                )
                self._threads[-1].start()

    def stop(self) -> None:
        for _ in self._threads:
            self._ready.put(None)

    def _work(self) -> None:
        while True:
            self._idle += 1
            host = self._ready.get()
            self._idle -= 1
            if host is None:
                return
            attempt = self._next(host)
            if attempt is not None:
                attempt.finish(self._attempt(attempt))
                self._ready.put(host)

    def _next(self, host: str) -> Dial | None:
        with self._lock:
            waiting = self._waiting[host]
            while not waiting.empty():
                attempt = waiting.get()
                if not attempt.cancelled:
                    return attempt
            self._busy[host] -= 1
            if not self._busy[host]:
                del self._waiting[host], self._busy[host]
            return None

    def _attempt(self, attempt: Dial) -> socket.socket | LinkFailure:
        try:
            return self._connect(attempt)
        except Exception as error:  # noqa: BLE001  whatever it is, the site shows it and the thread lives on
            return LinkFailure(INTERNAL, f"Sitewire failed while connecting: {error!r}")

    def _connect(self, attempt: Dial) -> socket.socket | LinkFailure:
        config = attempt.config
        attempt.enter(Stage.LOOK_UP)
        try:
            addresses = self._resolve(config.host, config.port)
        except (UnicodeError, ValueError):
            return LinkFailure(
                CONFIGURATION, f"{config.host!r} is not a host name. Correct the broker's host."
            )
        except OSError as error:
            return unresolved(config.host, error)
        failure = LinkFailure(NETWORK, f"The name {config.host} has no address.")
        ordered = ipv6_first(addresses)
        patience = patience_for(self._settings.timeout, len(ordered))
        for answer in ordered:
            if attempt.cancelled:
                return failure
            result = self._connect_to(attempt, answer, patience)
            if isinstance(result, socket.socket):
                return result
            failure = result
        return failure

    def _connect_to(
        self, attempt: Dial, answer: tuple[Any, ...], patience: float
    ) -> socket.socket | LinkFailure:
        """`answer`: one of getaddrinfo. `patience`: s for the TCP handshake."""
        family, kind, protocol, _, address = answer
        config = attempt.config
        attempt.enter(Stage.TCP)
        forbidden = self._guard(config.host, str(address[0]), int(address[1]))
        if forbidden:
            return LinkFailure(CONFIGURATION, forbidden)
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:
            return no_socket(error)
        source = self._settings.source
        try:
            if source:
                sock.bind((source, 0))
        except OSError as error:
            sock.close()
            return cannot_bind(source, str(address[0]), error)
        try:
            sock.settimeout(patience)
            sock.connect(address)
            sock.settimeout(self._settings.timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            return unreachable(config.host, config.port, str(address[0]), error)
        if config.use_tls:
            attempt.enter(Stage.TLS)
            secured = _secure(config, sock)
        else:
            secured = sock
        if isinstance(secured, socket.socket):
            secured.setblocking(False)
        else:
            sock.close()
        return secured


def _secure(config: ConnectionConfig, sock: socket.socket) -> socket.socket | LinkFailure:
    try:
        context = tls.context(
            ca=config.tls_ca,
            certificate=config.tls_client_certificate,
            key=config.tls_client_key,
            verify=config.tls_verify,
        )
    except tls.TlsSettingsError as error:
        return LinkFailure(CONFIGURATION, str(error))
    try:
        return context.wrap_socket(sock, server_hostname=config.host)
    except (OSError, ValueError) as error:
        return tls.explain(error, config.host, identified=bool(config.tls_client_certificate))


def _look_up(host: str, port: int) -> list[tuple[Any, ...]]:
    host.encode("idna")  # raises UnicodeError for `a..b`, before getaddrinfo does in its work
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
