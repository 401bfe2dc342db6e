"""Log-ins and log-outs in the audit trail."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from mqtt_app.models import ApiToken
from mqtt_app.services import audit
from mqtt_app.services.accounts.requests import actor_of


def logged_in(request: HttpRequest, user: AbstractBaseUser) -> None:
    with audit.acting_as(actor_of(request, user)):
        audit.record("logged in", user)


def logged_out(request: HttpRequest, user: AbstractBaseUser, token: ApiToken | None = None) -> None:
    """`token`: the one by which the request was made, which ends with it."""
    with audit.acting_as(actor_of(request, user, token)):
        audit.record("logged out", user)
