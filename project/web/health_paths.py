"""Health checks come from inside: by an address, a container's name, or whatever their program
calls the host.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

PATHS = frozenset(("/livez", "/readyz"))


class AnyHost:
    """On the health paths the Host of a request does not count; nothing there is made from it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path in PATHS:
            request.META["HTTP_HOST"] = _own_host()
        return self._get_response(request)


def _own_host() -> str:
    first: str = next(iter(settings.ALLOWED_HOSTS), "localhost")
    if first == "*":
        return "localhost"
    return first.lstrip(".")
