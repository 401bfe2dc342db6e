"""A link by which one user sets a password."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from mqtt_app.services.accounts import passwords


class Command(BaseCommand):
    help = "Print a link at which a user sets a new password. It works once, within a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--base-url",
            default=next(iter(settings.CSRF_TRUSTED_ORIGINS), ""),
            help="address of the web process, such as https://sitewire.example (default: of CSRF_TRUSTED_ORIGINS)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name, base = options["username"], options["base_url"]
        user = get_user_model()._default_manager.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no user {name!r}.")
        if not user.is_active:
            raise CommandError(f"{name} is deactivated; activate the account in the admin first.")
        if base and not base.startswith(("http://", "https://")):
            raise CommandError(f"--base-url must begin with http:// or https://, not be {base!r}.")
        self.stdout.write(passwords.one_time_link(user, base))
        if not base:
            self.stderr.write(
                "Put the address of your Sitewire before it, or name it by --base-url."
            )
