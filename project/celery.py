"""The Celery app. Queues and routes come from tasks/queues.py through the settings."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import (
    import_modules,
    setup_logging,
    task_prerun,
    worker_process_init,
    worker_ready,
)
from django.db import close_old_connections
from django_structlog.celery.steps import DjangoStructLogInitStep

from project import garbage
from project.startup import load_settings
from tasks import queues

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings.local")
load_settings()

app = Celery("sitewire")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["tasks"], related_name=None)  # type: ignore[arg-type]  # the modules are those of the queues
app.conf.imports = queues.TASK_MODULES
app.steps["worker"].add(DjangoStructLogInitStep)

# Celery would close the database connection before and after each task, and PostgreSQL start a
# process for each batch.
app.conf["CELERY_DB_REUSE_MAX"] = 1_000_000_000


@task_prerun.connect
def _leave_broken_connections(task: Any, **_: Any) -> None:
    """As Django does before each request: what is too old or does not answer is closed, everything
    else is kept.

    A task that is applied within a process of ours uses the connection of its caller, who may be in
    a transaction.
    """
    if not task.request.is_eager:
        close_old_connections()


@worker_process_init.connect
@worker_ready.connect
def _calm_garbage_collector(**_: Any) -> None:
    garbage.calm()


@import_modules.connect
def _count_log_ins_of_flower(**_: Any) -> None:
    """Sent before Flower listens. Wherever Flower is loaded, as Celery's command line does, it is
    guarded.
    """
    if "flower.app" in sys.modules:
        from project.flower import guard

        guard()


@setup_logging.connect
def _use_django_logging(**_: Any) -> None:
    """Celery would otherwise replace the log format chosen in project/logs/configuration.py."""
    from project.logs.configuration import configure

    configure()
