"""The one place where passwords of users are checked: pages, admin and API all come here."""

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from mqtt_app.domain.accounts.client_address import client_address
from mqtt_app.services import audit
from mqtt_app.services.accounts import login_throttle
from mqtt_app.services.accounts.requests import actor_of


class ThrottledBackend(ModelBackend):
    """Django's own backend behind the counters of `login_throttle`."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Raises LoginRefused, a ValidationError, which forms show as it is."""
        if username is None or password is None:
            return None
        found: list[User] = []

        def verify() -> bool:
            user = super(ThrottledBackend, self).authenticate(request, username, password, **kwargs)
            found.extend([user] if user is not None else [])
            return user is not None

        with audit.acting_as(actor_of(request)):
            login_throttle.checked(login_throttle.of_login(username, _address(request)), verify)
        if found:
            return found[0]
        return None

    async def aauthenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The base class has a way of its own here, which would pass the counters by."""
        return await sync_to_async(self.authenticate)(request, username, password, **kwargs)


def _address(request: HttpRequest | None) -> str:
    """Empty for a log-in that came by no request, or from a Unix socket."""
    if request is None:
        return ""
    return client_address(request.META) or ""
