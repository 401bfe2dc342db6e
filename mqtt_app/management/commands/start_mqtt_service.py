"""Start one MQTT worker in this process, until SIGTERM or Ctrl-C."""

import os
import re
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Command(BaseCommand):
    help = "Start an MQTT worker, which holds the links to the brokers of the sites that are assigned to it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--instance",
            default=_default_instance(),
            help="Id of this worker, its own among all that run; the same one after a restart. Default: %(default)s",
        )

    def handle(self, *_: Any, instance: str, **options: Any) -> None:
        if not VALID.fullmatch(instance):
            raise CommandError(
                f"{instance!r} cannot be an instance id: use up to 100 letters, digits, dots, dashes and underscores, "
                "and begin with a letter or digit."
            )
        # The same process goes on as the worker, so whoever started this command can stop the
        # worker by its pid.
        os.execv(
            sys.executable, [sys.executable, "-m", "project.mqtt_worker", "--instance", instance]
        )


def _default_instance() -> str:
    return "mqtt-" + (re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:80].strip("-.") or "1")
