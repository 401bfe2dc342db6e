"""`manage.py parse TOPIC < payload`: what the parsers make of one message. Nothing is stored."""

import sys
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from mqtt_app.domain.topics import TopicError, validate_topic
from mqtt_app.parsers.base import MAX_PAYLOAD, Message
from mqtt_app.parsers.trial import ParserTrial
from mqtt_app.services.parser_trial import as_json, fact_as_json, is_time_zone, try_message


class Command(BaseCommand):
    help = (
        "Shows which parsers claim a message, read from standard input, and what the surest of "
        "them reads in it. Exits with 1 when it cannot be read. Nothing is stored."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("topic", metavar="TOPIC", help="the topic of the message")
        parser.add_argument("--retain", action="store_true", help="it was sent as retained")
        parser.add_argument(
            "--time-zone", default="", help="the site's, for local times: Europe/Berlin"
        )
        parser.add_argument("--json", action="store_true", help="as the API answers")

    def handle(self, *_: Any, **options: Any) -> None:
        trial = try_message(self._message(options))
        if options["json"]:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(as_json(trial))).decode())
        else:
            self._print(trial)
        if trial.error or not trial.claims:
            raise SystemExit(1)

    def _message(self, options: dict[str, Any]) -> Message:
        try:
            validate_topic(options["topic"])
        except TopicError as error:
            raise CommandError(str(error)) from None
        if options["time_zone"] and not is_time_zone(options["time_zone"]):
            raise CommandError("--time-zone: write an IANA name, such as Europe/Berlin.")
        payload = sys.stdin.buffer.read(MAX_PAYLOAD + 1)
        if len(payload) > MAX_PAYLOAD:
            raise CommandError(f"The payload is longer than {MAX_PAYLOAD:,} bytes.")
        return Message(
            options["topic"],
            payload,
            timezone.now().timestamp(),
            options["retain"],
            options["time_zone"],
        )

    def _print(self, trial: ParserTrial) -> None:
        if not trial.claims:
            self.stdout.write("No parser takes this message.")
        for claim in trial.claims:
            self.stdout.write(f"{claim.confidence:.2f}  {claim.parser} {claim.version}")
        for fact in trial.facts:
            values = fact_as_json(fact)
            name = values.pop("fact")
            shown = ", ".join(
                f"{key} {msgspec.json.encode(value).decode()}"
                for key, value in values.items()
                if value not in ("", None, False) or key == "value"
            )
            self.stdout.write(f"  {name}: {shown}")
        if trial.error:
            self.stdout.write(self.style.ERROR(f"  {trial.error.kind.value}: {trial.error}"))
        elif trial.claims and not trial.facts:
            self.stdout.write("  nothing to store")
