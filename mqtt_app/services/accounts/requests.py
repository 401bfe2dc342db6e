"""What of a request matters to an account: where it comes from, and by which entrance."""

import ipaddress

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest

from mqtt_app.domain.audit import Actor, Source


def client_address(request: HttpRequest | None) -> str:
    """The address of the client; empty when the server does not know it (a unix socket).

    Forwarding headers are judged before: REMOTE_ADDR is the client of a trusted proxy already.
    """
    peer = "" if request is None else str(request.META.get("REMOTE_ADDR") or "")
    try:
        return str(ipaddress.ip_address(peer.partition("%")[0]))
    except ValueError:
        return ""


def actor_of(request: HttpRequest | None, user: AbstractBaseUser | None = None) -> Actor:
    """Who logs in or out by this request; without a user, somebody whose password was not accepted (yet)."""
    return Actor(
        source=_source_of(request),
        user_id=None if user is None else user.pk,
        user_name="" if user is None else user.get_username(),
        address=client_address(request) or None,
    )


def _source_of(request: HttpRequest | None) -> Source:
    if request is None:
        return Source.COMMAND
    if request.path.startswith("/api/"):
        return Source.API
    return Source.ADMIN if request.path.startswith("/admin/") else Source.PAGE
