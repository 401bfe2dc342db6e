"""The demo's own process: one MQTT broker for each demo site, and devices that speak to it every
1.5 s.

`python -m project.local.demo.broker PORT PORT PORT`
"""

import asyncio
import logging
import os
import signal
import sys
import time
from functools import partial

from amqtt.broker import Broker
from amqtt.client import MQTTClient

from project.local.demo.devices import SITES, DemoMessage, DemoSite
from project.local.processes.ports import LOOPBACK

EVERY = 1.5  # s
PLUGINS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


async def site(demo: DemoSite, port: int) -> None:
    """Serves one site until it is cancelled."""
    listeners = {"default": {"type": "tcp", "bind": f"{LOOPBACK}:{port}"}}
    broker = Broker({"listeners": listeners, "plugins": PLUGINS})
    await broker.start()
    devices = MQTTClient(
        client_id=f"{demo.name} devices",
        config={"auto_reconnect": True, "keep_alive": 30, "plugins": {}},
    )
    await devices.connect(f"mqtt://{LOOPBACK}:{port}/")
    try:
        await _speak(demo, devices)
    finally:
        await broker.shutdown()


async def _speak(demo: DemoSite, devices: MQTTClient) -> None:
    began = time.monotonic()
    await _publish(devices, demo.greeting())
    while True:
        await _publish(devices, demo.speak(time.monotonic() - began))
        await asyncio.sleep(EVERY)


async def _publish(devices: MQTTClient, messages: list[DemoMessage]) -> None:
    for message in messages:
        await devices.publish(message.topic, message.payload, qos=1, retain=message.retain)


async def serve(ports: list[int]) -> None:
    """Until SIGTERM, which just ends the process: a demo has nothing to save. A site that fails
    ends it as well.
    """
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, partial(os._exit, 0))
    await asyncio.gather(*(site(demo, port) for demo, port in zip(SITES, ports, strict=True)))


if __name__ == "__main__":
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    asyncio.run(serve([int(port) for port in sys.argv[1:]]))
