from typing import Any

from django.core.management.base import BaseCommand

from tasks.schedule import sync_schedule


class Command(BaseCommand):
    help = "Create the periodic tasks that are missing. What an operator changed stays as it is."

    def handle(self, *_: Any, **__: Any) -> None:
        created = sync_schedule()
        for name in created:
            self.stdout.write(f"created: {name}")
        if not created:
            self.stdout.write("nothing was missing")
