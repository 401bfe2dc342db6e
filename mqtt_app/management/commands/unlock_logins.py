"""Let somebody log in again who tried too often."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mqtt_app.domain.accounts.login_throttle import same_address
from mqtt_app.services.accounts import login_throttle


class Command(BaseCommand):
    help = "Forget wrong log-ins, so that a user name or an address may try again at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", metavar="NAME", help="a user name, in any spelling")
        parser.add_argument("--address", metavar="IP", help="an address; of IPv6 its whole /64")
        parser.add_argument("--all", action="store_true", help="every name and every address")

    def handle(self, *args: Any, **options: Any) -> None:
        user, address, everything = options["user"], options["address"], options["all"]
        if not (user or address or everything):
            raise CommandError("Say whom: --user NAME, --address IP, both, or --all.")
        if address and not same_address(address):
            raise CommandError(f"{address!r} is not an IP address.")
        number = login_throttle.unlock(name=user, address=address, everything=everything)
        self.stdout.write(f"Forgot the wrong log-ins of {number} user names and addresses.")
