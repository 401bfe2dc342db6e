"""What of a request matters to an account: where it comes from, and by which entrance."""

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest

from mqtt_app.domain.audit import Actor, Source
from mqtt_app.domain.client_address import client_address


def actor_of(request: HttpRequest | None, user: AbstractBaseUser | None = None) -> Actor:
    """Who logs in or out by this request; without a user, somebody whose password was not accepted (yet)."""
    return Actor(
        source=_source_of(request),
        user_id=None if user is None else user.pk,
        user_name="" if user is None else user.get_username(),
        address=None if request is None else client_address(request.META),
    )


def _source_of(request: HttpRequest | None) -> Source:
    if request is None:
        return Source.COMMAND
    if request.path.startswith("/api/"):
        return Source.API
    return Source.ADMIN if request.path.startswith("/admin/") else Source.PAGE
