"""300 links on one epoll loop, against 300 clients of the library with a thread each: seconds and memory.

    python tests/benchmarks/connections.py [number]      needs SECRET_KEY and the other settings, and mosquitto

The library's threads use select(), which fails beyond descriptor 1024, so the comparison ends near 340 clients.
"""

import gc
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings.local")
django.setup()

import paho.mqtt.client as mqtt  # noqa: E402

from mqtt_app.mqtt import reports  # noqa: E402
from tests.brokers import Mosquitto  # noqa: E402
from tests.integration.runtime.world import World, connection, wait_for  # noqa: E402


def resident() -> int:
    """Bytes of memory that this process occupies."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def own(port: int, number: int) -> tuple[float, float, int]:
    reports.log_connection_event = lambda *_, **__: None
    world = World()
    for one in range(1, number + 1):
        world.add(connection(one, port))
    runtime = world.runtime()
    runtime.start()
    wait_for(lambda: world.lease)
    before, begun = resident(), time.monotonic()
    wait_for(lambda: sum(world.status(one) == "connected" for one in world.configs) == number, 60)
    taken = time.monotonic() - begun
    figures = taken, (resident() - before) / number, threading.active_count()
    runtime.stop()
    return figures


def threads(port: int, number: int) -> tuple[float, float, int]:
    connected = threading.Semaphore(0)
    before, begun = resident(), time.monotonic()
    clients = []
    for one in range(number):
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, f"thread-{one}", protocol=mqtt.MQTTv5)
        client.on_connect = lambda client, *_: client.subscribe("#", 1)
        client.on_subscribe = lambda *_: connected.release()
        client.connect_async("127.0.0.1", port)
        client.loop_start()
        clients.append(client)
    for _ in clients:
        connected.acquire(timeout=60)
    figures = time.monotonic() - begun, (resident() - before) / number, threading.active_count()
    for client in clients:
        client.disconnect()
        client.loop_stop()
    return figures


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    folder = Path(tempfile.mkdtemp(prefix="connections-"))
    folder.chmod(0o755)
    broker = Mosquitto(folder)
    broker.start()
    try:
        for name, measure in (("one epoll loop", own), ("a thread per client", threads)):
            seconds, size, count = measure(broker.port, number)
            print(f"{name:20} {number} links in {seconds:5.2f} s, {size:8.0f} bytes a link, {count} threads")
    finally:
        broker.stop()


if __name__ == "__main__":
    main()
