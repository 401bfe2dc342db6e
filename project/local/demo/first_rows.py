"""The rows that `manage.py up` sees to at every start."""

from contextlib import nullcontext

from django.contrib.auth.models import User
from django.db import transaction

from mqtt_app.models import ApiToken
from mqtt_app.services import audit
from mqtt_app.services.accounts import passwords
from project.local.demo.seed import seed

NAME = "admin"
OTHER_NAME = "sitewire-up"  # in somebody's own database, where `admin` is another person


def write(
    *, password: str, own_database: bool, old_token: str, demo_ports: list[int]
) -> dict[str, str]:
    """Gives the administrator's name, and a new token with its digest (the old one ends)."""
    with transaction.atomic():
        user = administrator(password, own_database=own_database)
        row, token = _new_token(user, old_token)
    if demo_ports:
        seed(demo_ports)
    return {"username": user.get_username(), "token": token, "digest": row.digest}


def administrator(password: str, *, own_database: bool) -> User:
    """A superuser whom this password lets in. A stranger's `admin` in a database that is not ours
    keeps his.
    """
    user = User.objects.filter(username=NAME).first()
    if user is not None and not own_database and not user.check_password(password):
        user = User.objects.filter(username=OTHER_NAME).first() or User(username=OTHER_NAME)
    user = user or User(username=NAME)
    before = {} if user.pk is None else audit.values_of(user)
    if not user.check_password(password):
        user.set_password(password)
    user.is_superuser = user.is_staff = user.is_active = True
    with nullcontext() if before else passwords.new_account():
        user.save()
    after = audit.values_of(user)
    if before != after:
        audit.record("changed" if before else "created", user, before=before, after=after)
    return user


def _new_token(user: User, old: str) -> tuple[ApiToken, str]:
    """In place of the one of the last start."""
    for token in ApiToken.objects.filter(digest=old):
        audit.record_deleted(token)
        token.delete()
    row, text = ApiToken.objects.create(user)
    audit.record_created(row)
    return row, text
