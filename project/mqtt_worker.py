"""The MQTT worker: a Celery worker that carries the MQTT runtime, so that Flower shows it like any
other.

`python -m project.mqtt_worker --instance ID`; `manage.py start_mqtt_service` checks the id and
comes here.
"""

import argparse
import sys

import django

from project.celery import app

django.setup()  # the models of the bootstep need it

from tasks.bootstep import MqttStep
from tasks.queues import instance_queue

# s; the loop, the sender, the acknowledgements and the supervisor hand over to each other all the
# time, and with Python's 5 ms whoever comes back from Redis or PostgreSQL waits that long for a
# busy loop
SWITCH_INTERVAL = 0.0005


def main(instance_id: str) -> None:
    sys.setswitchinterval(SWITCH_INTERVAL)
    app.steps["worker"].add(MqttStep)
    app.conf.mqtt_instance = instance_id
    app.worker_main(
        [
            "worker",
            f"--hostname=mqtt-worker-{instance_id}@%h",
            f"--queues={instance_queue(instance_id)}",
            # Threads: on SIGTERM `solo` waits for a running task, and prefork forks a threaded
            # parent.
            "--pool=threads",
            "--concurrency=1",
            "--without-mingle",
            "--without-gossip",
            "--loglevel=INFO",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instance", required=True)
    main(parser.parse_args().instance)
