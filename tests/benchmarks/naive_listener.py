"""The receiving half of the naive design: one client of the library, with its own thread, for each
site.
"""

import os
import threading

import paho.mqtt.client as mqtt

from tests.benchmarks.naive import store

port, sites = int(os.environ["NAIVE_PORT"]), int(os.environ["NAIVE_SITES"])

for site in range(sites):
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, f"naive-{site}", protocol=mqtt.MQTTv5, userdata=site
    )
    client.on_connect = lambda client, number, *_: client.subscribe(f"s{number}/#", 1)
    client.on_message = lambda _client, number, message: store.delay(
        number, message.topic, message.payload.decode()
    )
    client.connect("127.0.0.1", port)
    client.loop_start()
threading.Event().wait()
