"""What the application gets to see of a request that came through a proxy, over ASGI and over WSGI."""

import asyncio
from typing import Any

import pytest
from django.test import RequestFactory

from mqtt_app.domain.accounts.client_address import client_address
from mqtt_app.domain.accounts.proxies import parse_proxies
from project.web.proxies import NAME_TTL, BehindProxies, TrustedNetworks, WsgiBehindProxies

FORGED = [
    (b"x-forwarded-for", b"203.0.113.9"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"evil.example"),
]


def seen(
    *proxies: str,
    peer: str = "127.0.0.1",
    headers: list[tuple[bytes, bytes]] = FORGED,
    kind: str = "http",
) -> dict[str, Any]:
    """The scope that the application is called with."""
    caught: list[dict[str, Any]] = []

    async def application(scope: dict[str, Any], _receive: Any, _send: Any) -> None:
        caught.append(scope)

    scheme = "http" if kind == "http" else "ws"
    scope = {
        "type": kind,
        "scheme": scheme,
        "client": (peer, 4711),
        "headers": [(b"host", b"a"), *headers],
    }
    asyncio.run(BehindProxies(application, parse_proxies(proxies))(scope, None, None))
    return caught[0]


@pytest.mark.parametrize(("kind", "secure"), [("http", "https"), ("websocket", "wss")])
@pytest.mark.parametrize("proxy", ["127.0.0.1", "127.0.0.0/8", "localhost"])
def test_a_named_proxy_says_who_called_and_how(proxy: str, kind: str, secure: str) -> None:
    scope = seen(proxy, kind=kind)
    assert (scope["client"][0], scope["scheme"]) == ("203.0.113.9", secure)


@pytest.mark.parametrize(("kind", "plain"), [("http", "http"), ("websocket", "ws")])
@pytest.mark.parametrize("proxies", [(), ("10.0.0.0/8",), ("no-such-proxy.invalid",)])
def test_nobody_else_does(proxies: tuple[str, ...], kind: str, plain: str) -> None:
    scope = seen(*proxies, kind=kind)
    assert (scope["client"], scope["scheme"]) == (("127.0.0.1", 4711), plain)


@pytest.mark.parametrize("proxies", [(), ("127.0.0.1",)])
def test_the_application_never_sees_a_forwarding_header(proxies: tuple[str, ...]) -> None:
    headers = [
        *FORGED,
        (b"x-real-ip", b"1.1.1.1"),
        (b"forwarded", b"for=1.1.1.1"),
        (b"x-forwarded-port", b"1"),
    ]
    names = {name for name, _ in seen(*proxies, headers=headers)["headers"]}
    assert names == {b"host", b"via"}  # with which /metrics knows that its peer is no local program


def test_a_direct_request_is_left_as_it_is() -> None:
    scope = seen("localhost", headers=[])
    assert scope["headers"] == [(b"host", b"a")]
    assert scope["client"] == ("127.0.0.1", 4711)


def test_a_name_is_looked_up_again_after_its_time() -> None:
    now = [0.0]
    networks = TrustedNetworks(parse_proxies(["localhost"]), clock=lambda: now[0])
    assert networks.must_look_up("127.0.0.1")
    assert networks.for_peer("127.0.0.1")
    now[0] = NAME_TTL - 0.1
    assert not networks.must_look_up("127.0.0.1")
    now[0] = NAME_TTL
    assert networks.must_look_up("127.0.0.1")


@pytest.mark.parametrize(
    ("proxies", "address", "scheme"),
    [(["127.0.0.1"], "203.0.113.9", "https"), ([], "127.0.0.1", "http")],
)
def test_wsgi_judges_alike(proxies: list[str], address: str, scheme: str) -> None:
    caught: list[dict[str, Any]] = []

    def catch(environ: dict[str, Any], _start: object) -> list[bytes]:
        caught.append(environ)
        return []

    application = WsgiBehindProxies(catch, parse_proxies(proxies))
    application(
        {
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "HTTP_X_FORWARDED_FOR": "1.1.1.1, 203.0.113.9",
            "HTTP_X_FORWARDED_PROTO": "https",
        },
        None,
    )
    assert (caught[0]["REMOTE_ADDR"], caught[0]["wsgi.url_scheme"]) == (address, scheme)
    assert not any(name.startswith("HTTP_X_FORWARDED") for name in caught[0])


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:DB8::1", "2001:db8::1"),
        ("", ""),
    ],
)
def test_an_address_has_one_spelling(peer: str, address: str) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR="1.1.1.1")
    assert (client_address(request.META) or "") == address
