"""Somebody has to be able to log in to a new installation."""

from enum import Enum

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from mqtt_app.services import audit
from mqtt_app.services.accounts import passwords


class FirstAdministrator(Enum):
    CREATED = "created"
    NOT_NEEDED = "not needed"  # there is a superuser already, whatever the name
    NAME_TAKEN = (
        "name taken"  # by somebody who is no superuser, and who is not made one by a deploy
    )


@transaction.atomic
def create_first_administrator(username: str, password: str) -> FirstAdministrator:
    """Only where there is no superuser at all: nobody's password is set back, and nobody removed
    comes back.

    Raises django.core.exceptions.ValidationError for a password that can be guessed.
    """
    if User.objects.filter(is_superuser=True).exists():
        return FirstAdministrator.NOT_NEEDED
    if User.objects.filter(username=username).exists():
        return FirstAdministrator.NAME_TAKEN
    user = User(username=username, is_superuser=True, is_staff=True)
    user.clean_fields(exclude=["password"])
    validate_password(password, user)
    user.set_password(password)
    with passwords.new_account():
        user.save()
    audit.record_created(user)
    return FirstAdministrator.CREATED
