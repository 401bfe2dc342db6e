"""The Celery app. Queues and routes come from tasks/queues.py through the settings."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings.local")

app = Celery("sitewire")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["tasks"], related_name=None)  # type: ignore[arg-type]  # the modules are named below
app.conf.imports = ("tasks.control", "tasks.ingest", "tasks.presence", "tasks.logs")
app.steps["worker"].add(DjangoStructLogInitStep)


@setup_logging.connect
def _use_django_logging(**_: Any) -> None:
    """Celery would otherwise replace the log format chosen in project/logs.py."""
    from project.logs import configure

    configure()
