"""Inside Django, once per start: migrate, see to the administrator and a token, seed the demo.
Answers one JSON line.

`python -m project.local.install.prepare` with the request as JSON in the variable UP_REQUEST.
"""

import importlib
import json
import os
import sys
from typing import Any

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import Error as DatabaseError

REQUEST = "UP_REQUEST"


def main() -> int:
    request = json.loads(os.environ.pop(REQUEST))
    try:
        answer = prepare(request)
    except ImproperlyConfigured as error:
        answer = {"problem": str(error)}
    except SystemCheckError as error:
        answer = {"problem": " ".join(str(error).split())}
    except DatabaseError as error:
        answer = {"problem": f"The database refused: {' '.join(str(error).split())}"}
    sys.stdout.write(json.dumps(answer) + "\n")
    if "problem" in answer:
        return 1
    return 0


def prepare(request: dict[str, Any]) -> dict[str, str]:
    """`request`: password, own_database, old_token (a digest), demo_ports (empty: no demo)."""
    django.setup()
    call_command("migrate", verbosity=0, interactive=False, skip_checks=False)
    first_rows = importlib.import_module(
        "project.local.demo.first_rows"
    )  # imports models: only once Django is set up
    answer: dict[str, str] = first_rows.write(**request)
    return answer


if __name__ == "__main__":
    sys.exit(main())
