"""Sessions of one user. Django keeps them by key only, so they are found by looking into each."""

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.models import Session
from django.utils import timezone


def end(user: AbstractBaseUser, *, but: str | None = None) -> int:
    """Delete the sessions of this user, except the one with the key `but`. Gives their number."""
    alive = Session.objects.filter(expire_date__gt=timezone.now())
    keys = [
        row.session_key for row in alive.iterator() if _is_of(row, user) and row.session_key != but
    ]
    Session.objects.filter(session_key__in=keys).delete()
    return len(keys)


def _is_of(session: Session, user: AbstractBaseUser) -> bool:
    return session.get_decoded().get(SESSION_KEY) == str(user.pk)
