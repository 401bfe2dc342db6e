"""`manage.py explain SITE`: why a site's connection does not work, stage by stage."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mqtt_app.domain.probe.stages import StageResult, Verdict
from mqtt_app.models import MqttConnection, Site
from mqtt_app.models.fields import UndecryptableError
from mqtt_app.services.probes.run import ILLEGIBLE, explain

MARKS = {Verdict.OK: "ok", Verdict.WARNING: "!!", Verdict.FAILED: "NO", Verdict.SKIPPED: "--"}


class Command(BaseCommand):
    help = (
        "Tests a site's connection beside its running link, from this machine, and prints each stage "
        "with what was found and what to do. Exits with 1 when a stage fails. Changes nothing."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("site", metavar="SITE", help="id or name of the site")

    def handle(self, *_: Any, **options: Any) -> None:
        site = self._site(options["site"])
        try:
            works = explain(site, self._print)
        except MqttConnection.DoesNotExist:
            raise CommandError(f"The site {site.name} has no connection.") from None
        except UndecryptableError:
            raise CommandError(ILLEGIBLE) from None
        if not works:
            raise SystemExit(1)

    def _site(self, given: str) -> Site:
        found = Site.objects.filter(name=given).first()
        if found is None and given.isdecimal() and len(given) < 19:
            found = Site.objects.filter(pk=int(given)).first()
        if found is None:
            raise CommandError(f"There is no site {given!r}.")
        return found

    def _print(self, result: StageResult) -> None:
        mark = MARKS[result.verdict]
        line = f"{mark}  {result.stage.value:<10} {result.seconds:7.3f} s  {result.summary}"
        style = self.style.ERROR if result.verdict is Verdict.FAILED else str
        self.stdout.write(style(line))
        for piece in result.evidence:
            self.stdout.write(f"    {piece}")
        if result.remedy:
            self.stdout.write(f"    What to do: {result.remedy}")
        self.stdout.flush()
