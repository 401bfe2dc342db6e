"""The receiving half of the naive design: one client of the library, with its own thread, for each
site.
"""

import os
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.benchmarks.naive import store

port, sites = int(os.environ["NAIVE_PORT"]), int(os.environ["NAIVE_SITES"])


def hand_over(_client: mqtt.Client, number: int, message: mqtt.MQTTMessage) -> None:
    store.delay(number, message.topic, message.payload.decode())


for site in range(sites):
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, f"naive-{site}", protocol=mqtt.MQTTv5, userdata=site
    )
    client.on_connect = lambda client, number, *_: client.subscribe(f"s{number}/#", 1)
    client.on_message = hand_over
    client.connect("127.0.0.1", port)
    client.loop_start()
threading.Event().wait()
