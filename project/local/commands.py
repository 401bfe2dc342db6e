"""Django's commands, once it is decided which installation they work on."""

import sys
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from project.local.refusal import Refusal
from project.logs.configuration import configure

LOG = "commands.log"


def run(argv: list[str], *, attached: bool) -> int:
    """`attached`: the command works on an installation, and says on which one."""
    try:
        if attached:
            print(f"Working on {installation()}", file=sys.stderr, flush=True)
            configure(settings.LOG_DIR / LOG)
        execute_from_command_line(argv)
    except ImproperlyConfigured as error:
        raise Refusal(str(error)) from None
    return 0


def installation() -> str:
    """Its database and its Redis, without their passwords. Raises ImproperlyConfigured."""
    database = settings.DATABASES["default"]
    server = f"{database['HOST'] or 'localhost'}:{database['PORT'] or 5432}"
    redis = urlsplit(settings.REDIS_URL)
    return f"{settings.DATA_DIR}: PostgreSQL {server}/{database['NAME']}, Redis {redis.hostname}:{redis.port or 6379}"
