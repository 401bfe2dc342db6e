"""Passwords: changed by their user, set by a one-time link, and what ends with the old one.

Django's sessions are signed with the password's hash, so a new password ends them by itself. Tokens
are not: they are revoked here, unless whoever changes the password keeps them.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from urllib.parse import urljoin

import msgspec
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from mqtt_app.services import audit
from mqtt_app.services.accounts import login_throttle, sessions, tokens


class EndWithPassword:
    """A password validator that objects to nothing: Django tells validators of every password that
    was set.

    So also one that is set by `manage.py changepassword` or in a shell ends the account's tokens.
    (A password that is merely hashed anew is not told of.)
    """

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Django's interface."""

    def get_help_text(self) -> str:
        return "A new password ends the sessions and API tokens of the account."

    def password_changed(self, password: str, user: AbstractBaseUser | None = None) -> None:  # noqa: ARG002
        if user is not None and user.pk is not None:
            _end(user, _change.get())


class PasswordChange(msgspec.Struct, frozen=True):
    """How the audit trail names the change that is being made, and whether tokens outlive it."""

    action: str = "password set"
    keep_tokens: bool = False


_change: ContextVar[PasswordChange] = ContextVar("password_change", default=PasswordChange())  # noqa: B039  it is frozen


@contextmanager
def changing(action: str, *, keep_tokens: bool) -> Iterator[None]:
    """Passwords that are set within are recorded as `action`."""
    token = _change.set(PasswordChange(action, keep_tokens))
    try:
        yield
    finally:
        _change.reset(token)


def new_account() -> AbstractContextManager[None]:
    """The password of a user made within is part of making it, and leaves no entry of its own."""
    return changing("", keep_tokens=True)


@transaction.atomic
def change(
    user: AbstractBaseUser,
    password: str,
    *,
    keep_tokens: bool = False,
    action: str = "password changed",
) -> None:
    """Set the password and end what the old one opened."""
    with changing(action, keep_tokens=keep_tokens):
        user.set_password(password)
        user.save(update_fields=["password"])


@transaction.atomic
def reset(user: AbstractBaseUser, password: str, *, keep_tokens: bool = False) -> None:
    """The same by a one-time link. Whoever had forgotten the old password may log in with the new
    one at once.
    """
    login_throttle.unlock(name=user.get_username())
    change(user, password, keep_tokens=keep_tokens, action="password reset")


@transaction.atomic
def one_time_link(user: User, base: str = "") -> str:
    """An address at which the user's password is set, once, within PASSWORD_RESET_TIMEOUT.

    `base` is the address of the installation; without it the link is a path. The link ends when it
    is used, and when the password is changed or the user logs in otherwise.
    """
    audit.record("password link made", user)
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("dashboard:password-set", args=(uid, default_token_generator.make_token(user)))
    return urljoin(base, path)


@transaction.atomic
def deactivate(user: AbstractBaseUser) -> None:
    """What a user had opened ends for good, so that activating the account again does not bring it
    back.
    """
    tokens.revoke_all(tokens.tokens_of(user))
    sessions.end(user)
    audit.record("deactivated", user)


@transaction.atomic
def _end(user: AbstractBaseUser, made: PasswordChange) -> None:
    if made.action:
        audit.record(made.action, user)
    if not made.keep_tokens:
        tokens.revoke_all(tokens.tokens_of(user))
