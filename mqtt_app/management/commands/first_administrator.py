"""Make the first administrator of a new installation; the deploy runs it after each migration."""

import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from mqtt_app.services.accounts.first_administrator import (
    FirstAdministrator,
    create_first_administrator,
)

# Variables, not options: a command line can be read by others.
USERNAME = "ADMIN_USERNAME"
PASSWORD = "ADMIN_PASSWORD"


class Command(BaseCommand):
    help = f"Make the superuser {USERNAME} with {PASSWORD} (environment), if there is no superuser yet. Safe to repeat."

    def handle(self, *_: Any, **__: Any) -> None:
        username = os.environ.get(USERNAME) or "admin"
        try:
            outcome = create_first_administrator(username, os.environ.get(PASSWORD, ""))
        except ValidationError as error:
            raise CommandError(
                f"{PASSWORD}, or {USERNAME}, cannot be used: {' '.join(error.messages)} "
                "`python3 manage.py init` makes a password."
            ) from None
        self.stdout.write(self._sentence(outcome, username))

    @staticmethod
    def _sentence(outcome: FirstAdministrator, username: str) -> str:
        return {
            FirstAdministrator.CREATED: f"The administrator {username} can log in with {PASSWORD}.",
            FirstAdministrator.NOT_NEEDED: "There is an administrator already; nothing was changed.",
            FirstAdministrator.NAME_TAKEN: f"Nobody is a superuser, and {username} is another user. "
            f"Give {USERNAME} another name, or make one with `manage.py createsuperuser`.",
        }[outcome]
