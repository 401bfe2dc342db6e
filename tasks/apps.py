from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "tasks"

    def ready(self) -> None:
        from mqtt_app import logging_utils
        from mqtt_app.services.operations import bulk
        from mqtt_app.services.probes import requests as probes
        from mqtt_app.services.replay import requests
        from tasks import control, ingest, logs, probe, schedule

        schedule.connect()
        logging_utils.use_sender(logs.enqueue)
        bulk.call_when_pending(control.send_bulk_batch)
        requests.call_when_asked(ingest.send_replay)
        probes.call_when_asked(probe.send)
