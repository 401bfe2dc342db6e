"""Readings that arrive are summed up by the worker that serves the queue of rollups."""

from celery import Celery

from mqtt_app.domain.health.periodic import PeriodicTaskName
from mqtt_app.domain.health.queues import ROLLUPS
from tests.brokers import Mosquitto
from tests.publisher import publisher
from tests.stack import Stack, wait_for

SUMS = "SELECT coalesce(sum(count), 0) FROM mqtt_rollup WHERE hours = 24"
STORED = "SELECT count(*) FROM mqtt_reading"


def test_readings_are_summed_up_by_the_task_that_beat_sends(
    stack: Stack, broker: Mosquitto
) -> None:
    site_id = stack.site("summed up", broker.port, ("sums/#",))
    stack.switch(site_id, "start")
    wait_for(
        lambda: stack.get(f"sites/{site_id}/status/")["headline"] == "running", what="the link"
    )
    with publisher(broker.port) as sender:
        for number in range(5):
            sender.send("sums/meter", f'{{"n": {number}}}')
    wait_for(lambda: stack.one(STORED) == 5, what="the readings")
    beat = Celery(broker=stack.redis_url)
    beat.send_task(PeriodicTaskName.ROLL_UP.value, queue=ROLLUPS)
    wait_for(lambda: int(stack.one(SUMS)) == 5, 30, what="the sums")
