"""Between the server and the application: address and scheme of the caller, as far as a trusted
proxy says them.

The application never sees a forwarding header. From a proxy that TRUSTED_PROXIES names, they become
the request's client and scheme; from anybody else they are dropped. `Via` says in both cases that
there was somebody in between.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_network
from typing import Any

from mqtt_app.domain.accounts.proxies import (
    Client,
    Network,
    TrustedProxies,
    client_of,
    is_trusted,
    normal,
)

Application = Callable[..., Awaitable[None]]
WsgiApplication = Callable[..., Iterable[bytes]]

FORWARDING = frozenset(
    (
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-real-ip",
        b"forwarded",
    )
)
FOR, PROTO = b"x-forwarded-for", b"x-forwarded-proto"
IN_BETWEEN = (b"via", b"1.1 forwarded")
NAME_TTL = 10.0  # s; a container that is made anew gets another address
UNKNOWN_TTL = 1.0  # s; a proxy that is just being started


class TrustedNetworks:
    """The networks of the named proxies, names looked up again when they are older than NAME_TTL.
    For many threads.
    """

    def __init__(
        self, proxies: TrustedProxies, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fixed, self._names, self._clock = proxies.networks, proxies.names, clock
        self._lock = threading.Lock()
        self._resolved: tuple[Network, ...] = ()
        self._valid_until = float("-inf")

    def must_look_up(self, peer: str) -> bool:
        """Names are looked up only for a peer that the networks do not hold already."""
        return (
            bool(self._names)
            and self._clock() >= self._valid_until
            and not is_trusted(peer, self._fixed)
        )

    def for_peer(self, peer: str) -> tuple[Network, ...]:
        """May block for as long as the system's resolver does."""
        if self.must_look_up(peer):
            with self._lock:  # the others wait for the same look-up
                if self.must_look_up(peer):
                    self._look_up()
        return (*self._fixed, *self._resolved)

    def _look_up(self) -> None:
        """What is known stays while the resolver knows nothing: a proxy does not become a stranger
        by its trouble.
        """
        addresses = sorted({address for name in self._names for address in _addresses(name)})
        self._resolved = tuple(map(ip_network, addresses)) or self._resolved
        self._valid_until = self._clock() + (NAME_TTL if addresses else UNKNOWN_TTL)


def _addresses(name: str) -> set[str]:
    """A name that is not known is nobody's."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return set()
    return {normal(str(row[4][0])) for row in found}


class BehindProxies:
    """For ASGI, HTTP and WebSocket alike."""

    def __init__(self, application: Application, proxies: TrustedProxies) -> None:
        self._application, self._networks = application, TrustedNetworks(proxies)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] in {"http", "websocket"} and _is_forwarded(scope["headers"]):
            scope = await self._rewritten(scope)
        await self._application(scope, receive, send)

    async def _networks_for(self, peer: str) -> tuple[Network, ...]:
        if self._networks.must_look_up(peer):
            return await asyncio.to_thread(self._networks.for_peer, peer)
        return self._networks.for_peer(peer)

    async def _rewritten(self, scope: dict[str, Any]) -> dict[str, Any]:
        peer, port = scope.get("client") or ("", 0)
        headers = scope["headers"]
        networks = await self._networks_for(peer)
        client = client_of(peer, _all(headers, FOR), _all(headers, PROTO), networks)
        return scope | {
            "headers": [header for header in headers if header[0] not in FORWARDING] + [IN_BETWEEN],
            "client": (client.address, port if client.address == peer else 0),
            "scheme": _scheme(scope, client),
        }


class WsgiBehindProxies:
    """The same for WSGI."""

    def __init__(self, application: WsgiApplication, proxies: TrustedProxies) -> None:
        self._application, self._networks = application, TrustedNetworks(proxies)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        headers = {_wsgi_name(name): environ.pop(_wsgi_name(name), None) for name in FORWARDING}
        if any(value is not None for value in headers.values()):
            self._rewrite(environ, headers[_wsgi_name(FOR)], headers[_wsgi_name(PROTO)])
        return self._application(environ, start_response)

    def _rewrite(
        self, environ: dict[str, Any], forwarded_for: str | None, proto: str | None
    ) -> None:
        peer = environ.get("REMOTE_ADDR", "")
        networks = self._networks.for_peer(peer)
        client = client_of(peer, [forwarded_for or ""], [proto or ""], networks)
        environ["REMOTE_ADDR"] = client.address
        environ["wsgi.url_scheme"] = client.scheme or environ["wsgi.url_scheme"]
        environ["HTTP_VIA"] = IN_BETWEEN[1].decode()


def _wsgi_name(header: bytes) -> str:
    return f"HTTP_{header.decode().upper().replace('-', '_')}"


def _scheme(scope: dict[str, Any], client: Client) -> str:
    if client.scheme is None:
        return str(scope["scheme"])
    if scope["type"] == "websocket":
        return client.scheme.replace("http", "ws")
    return client.scheme


def _is_forwarded(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name in FORWARDING for name, _ in headers)


def _all(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> Sequence[str]:
    return [value.decode("latin-1") for name, value in headers if name == wanted]
