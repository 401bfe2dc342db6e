"""Passwords: changed by their user, set by a one-time link, and what ends with the old one.

Django's sessions are signed with the password's hash, so a new password ends them by itself. Tokens
are not: they are revoked here, unless whoever changes the password keeps them.
"""

from urllib.parse import urljoin

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from mqtt_app.services import audit, login_throttle
from mqtt_app.services.accounts import sessions, tokens


@transaction.atomic
def change(
    user: AbstractBaseUser, password: str, *, keep_tokens: bool = False, action: str = "password changed"
) -> int:
    """Set the password and end what the old one opened. Gives the number of tokens that were revoked."""
    user.set_password(password)
    user.save(update_fields=["password"])
    return ended(user, keep_tokens=keep_tokens, action=action)


@transaction.atomic
def reset(user: AbstractBaseUser, password: str, *, keep_tokens: bool = False) -> int:
    """The same by a one-time link. Whoever had forgotten the old password may log in with the new one at once."""
    login_throttle.unlock(name=user.get_username())
    return change(user, password, keep_tokens=keep_tokens, action="password reset")


@transaction.atomic
def ended(user: AbstractBaseUser, *, keep_tokens: bool, action: str) -> int:
    """The new password is stored already: record it, and end what the old one opened."""
    audit.record(action, user)
    return 0 if keep_tokens else tokens.revoke_all(tokens.tokens_of(user))


@transaction.atomic
def one_time_link(user: AbstractBaseUser, base: str = "") -> str:
    """An address at which the user's password is set, once, within PASSWORD_RESET_TIMEOUT.

    `base` is the address of the installation; without it the link is a path. The link ends when it is
    used, and when the password is changed or the user logs in otherwise.
    """
    audit.record("password link made", user)
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("dashboard:password-set", args=(uid, default_token_generator.make_token(user)))
    return urljoin(base, path)


@transaction.atomic
def deactivate(user: AbstractBaseUser) -> None:
    """What a user had opened ends for good, so that activating the account again does not bring it back."""
    tokens.revoke_all(tokens.tokens_of(user))
    sessions.end(user)
    audit.record("deactivated", user)
