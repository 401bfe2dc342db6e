"""What of a request matters to an account: who sends it, where it comes from, and by which
entrance.
"""

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest

from mqtt_app.domain.accounts.client_address import client_address
from mqtt_app.domain.audit import Actor, Source
from mqtt_app.models import ApiToken

_SOURCES = (("/api/", Source.API), ("/admin/", Source.ADMIN))


def actor_of(
    request: HttpRequest | None, user: AbstractBaseUser | None = None, token: ApiToken | None = None
) -> Actor:
    """`user` acts by this request; without a user, somebody whose password was not accepted (yet)."""
    return Actor(
        source=_source_of(request),
        user_id=None if user is None else user.pk,
        user_name="" if user is None else user.get_username(),
        token_name="" if token is None else token.name,
        address=None if request is None else client_address(request.META),
    )


def _source_of(request: HttpRequest | None) -> Source:
    if request is None:
        return Source.COMMAND
    return next(
        (source for prefix, source in _SOURCES if request.path_info.startswith(prefix)), Source.PAGE
    )
