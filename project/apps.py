"""Django's own apps, and this project, as apps of it."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

from project.celery import app as celery_app


class SitewireAdminConfig(AdminConfig):
    default_site = "mqtt_app.admin_site.SitewireAdminSite"


class ProjectConfig(AppConfig):
    """Brings the Celery app into every process that sets Django up: a shell and a script send
    tasks, too.
    """

    name = "project"

    def ready(self) -> None:
        # in every thread: the current app of the main thread is known to that one only
        celery_app.set_default()
