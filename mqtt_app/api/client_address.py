"""The address of whoever made a request: what log-in throttling, the audit and limits by address go by."""

from django.http import HttpRequest

from mqtt_app.domain.proxies import normal


def client_address(request: HttpRequest) -> str:
    """The peer, or behind a proxy of TRUSTED_PROXIES its client; project/proxies.py has judged the headers already.

    One spelling for one address. Empty when the server does not know the peer (a unix socket).
    """
    return normal(str(request.META.get("REMOTE_ADDR") or ""))
