"""Whose page sent this: ours, or a stranger's that uses our user's cookies."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.csrf import csrf_failure

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_PORTS = {"http": 80, "https": 443}
_REFUSED = "Sent from a page of another site. Use this site's own pages, or a token."


def same_origin(origin: str, scheme: str, host: str, trusted: Iterable[str] = ()) -> bool:
    """Compares scheme, host and port. `host` is a Host header; `trusted` are further origins, as
    Django writes them.
    """
    given = _parts(origin)
    return given is not None and (
        given == _parts(f"{scheme}://{host}") or given in map(_parts, trusted)
    )


class CrossSiteMiddleware:
    """Refuses what changes something and comes from a foreign page, whatever view it is for.

    Django's tokens protect forms; this also covers views that are exempt from them, such as a
    log-in. A request with an `Authorization` header passes: no foreign page knows a token, or may
    send the header.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in _SAFE or "Authorization" in request.headers or _is_ours(request):
            return self.get_response(request)
        if request.path_info.startswith("/api/"):
            return JsonResponse({"detail": _REFUSED}, status=HTTPStatus.FORBIDDEN)
        return csrf_failure(request, reason=_REFUSED)


def _is_ours(request: HttpRequest) -> bool:
    origin = request.headers.get("Origin")
    if origin is None:  # no browser, or one so old that Django's token has to do
        return request.headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"}
    return same_origin(
        origin, request.scheme or "", request.get_host(), settings.CSRF_TRUSTED_ORIGINS
    )


def _parts(origin: str) -> tuple[str, str, int | None] | None:
    try:
        found = urlsplit(origin)
        port = found.port
    except ValueError:
        return None
    if not found.scheme or not found.hostname:
        return None
    return found.scheme, found.hostname, port or _PORTS.get(found.scheme)
