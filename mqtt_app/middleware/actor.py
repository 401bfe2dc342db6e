"""In whose name a request acts, for the audit trail."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from mqtt_app.domain.audit import Actor
from mqtt_app.models import ApiToken
from mqtt_app.services.accounts.requests import actor_of
from mqtt_app.services.audit import acting_as


class ActorMiddleware:
    """Sets the actor for the time of the request, and takes it back: threads go on to other
    requests.

    Who it is, is looked up when something is recorded. By then the API has read the token.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with acting_as(lambda: _sender(request)):
            return self.get_response(request)


def _sender(request: HttpRequest) -> Actor:
    user: Any = getattr(request, "user", None)
    token: Any = getattr(request, "auth", None)
    known = user is not None and user.is_authenticated
    return actor_of(
        request, user if known else None, token if isinstance(token, ApiToken) else None
    )
