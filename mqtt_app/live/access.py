"""Who is at the other end of a WebSocket."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie
from django.http.request import split_domain_port, validate_host
from rest_framework.exceptions import AuthenticationFailed

from mqtt_app.middleware.origin import same_origin
from mqtt_app.selectors.visibility import Viewer, viewer_for
from mqtt_app.services.accounts.token_authentication import TokenAuthentication

Scope = MutableMapping[str, Any]
Application = Callable[..., Awaitable[None]]

_FORBIDDEN = 4403  # close code: a page of another origin


def header(scope: Scope, name: bytes) -> str | None:
    """The value of a request header; `name` in lower case."""
    headers: Iterable[tuple[bytes, bytes]] = scope.get("headers", ())
    return next((value.decode("latin-1") for key, value in headers if key == name), None)


def viewer_behind(scope: Scope) -> Viewer | None:
    """The active user behind the `Authorization: Token ...` header or, without that header, the
    session cookie.

    Reads the database, so it is also how a socket that is open for days notices a token that was
    revoked or has expired, a logout, or a membership that was changed. A token in the address is
    not accepted: addresses end up in access logs.
    """
    authorization = header(scope, b"authorization")
    if authorization is None:
        viewer = _by_session(scope)
    else:
        viewer = _by_token(authorization)
    if viewer is not None and viewer.principal.is_active:
        return viewer
    return None


def _by_token(authorization: str) -> Viewer | None:
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "token":
        return None
    try:
        user, credential = TokenAuthentication().authenticate_credentials(token.strip().encode())
    except AuthenticationFailed:
        return None
    return viewer_for(user, credential)


def _by_session(scope: Scope) -> Viewer | None:
    key = parse_cookie(header(scope, b"cookie") or "").get(settings.SESSION_COOKIE_NAME)
    if not key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return viewer_for(get_user(request))


class SameHostOnly:
    """Refuses pages of other origins: another scheme or port of our host is one.

    A browser always sends `Origin` with a WebSocket and adds cookies by itself, so a foreign page
    could listen in our user's name. A program sends no `Origin`, and whatever it shows it was given
    on purpose: it may pass.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        origin = header(scope, b"origin")
        if origin is None or is_own(origin, scope):
            await self.application(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close", "code": _FORBIDDEN})


def is_own(origin: str, scope: Scope) -> bool:
    """Scheme, host and port are those under which the socket was opened, and the host is one of
    ours.
    """
    host = header(scope, b"host") or ""
    name = split_domain_port(host)[0]
    if not name or not validate_host(name, settings.ALLOWED_HOSTS):
        return False
    return same_origin(origin, _scheme(scope), host, settings.CSRF_TRUSTED_ORIGINS)


def _scheme(scope: Scope) -> str:
    """As a page of ours has it. Behind a proxy that ends TLS its header says so, as for requests."""
    if settings.SECURE_PROXY_SSL_HEADER:
        name, secure = settings.SECURE_PROXY_SSL_HEADER[:2]
        told = header(scope, name.removeprefix("HTTP_").replace("_", "-").lower().encode())
        if told is not None:
            if told.partition(",")[0].strip() == secure:
                return "https"
            return "http"
    if scope.get("scheme") in {"wss", "https"}:
        return "https"
    return "http"
