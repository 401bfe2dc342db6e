"""Make Flower's role in PostgreSQL; the deploy runs it after each migration."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError

from mqtt_app.services.accounts.flower_role import ROLE, create_flower_role

PASSWORD = (
    "FLOWER_DATABASE_PASSWORD"  # a variable, not an option: a command line can be read by others
)


class Command(BaseCommand):
    help = f"Make the role {ROLE} with {PASSWORD} (environment): it counts Flower's log-ins. Safe to repeat."

    def handle(self, *_: Any, **__: Any) -> None:
        password = os.environ.get(PASSWORD, "")
        if len(password) < 16:
            raise CommandError(
                f"{PASSWORD} needs at least 16 characters; `python3 manage.py init` makes one."
            )
        try:
            create_flower_role(password)
        except ProgrammingError as error:
            raise CommandError(
                f"The role {ROLE} cannot be made: {' '.join(str(error).split())}. "
                "Let this user of PostgreSQL make roles."
            ) from None
        self.stdout.write(f"{ROLE} can count log-ins, and nothing else.")
