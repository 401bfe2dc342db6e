from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "tasks"

    def ready(self) -> None:
        from mqtt_app import logging_utils
        from tasks import logs, schedule

        schedule.connect()
        logging_utils.use_sender(logs.enqueue)
