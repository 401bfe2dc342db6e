"""What of a request matters to an account: who sends it, where it comes from, and by which
entrance.
"""

import msgspec
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
    actor = Actor(source=_source_of(request))
    if user is not None:
        actor = msgspec.structs.replace(actor, user_id=user.pk, user_name=user.get_username())
    if token is not None:
        actor = msgspec.structs.replace(actor, token_name=token.name)
    if request is not None:
        actor = msgspec.structs.replace(actor, address=client_address(request.META))
    return actor


def _source_of(request: HttpRequest | None) -> Source:
    if request is None:
        return Source.COMMAND
    return next(
        (source for prefix, source in _SOURCES if request.path_info.startswith(prefix)), Source.PAGE
    )
