"""Links on one MQTT worker: seconds until all are up, memory of each, CPU while nothing happens.

Beside it, clients of the MQTT library with a thread each. Its threads use select(), which fails
beyond descriptor 1024, so that ends near 340.
"""

import argparse
import gc
import resource
import time

import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from tests.benchmarks import rows
from tests.benchmarks.machine import Machine, machine
from tests.benchmarks.result import Figures, Result, median
from tests.benchmarks.traffic import up
from tests.stack import wait_for

WORKER = "mqtt-1"
MOST_THREADS = 300
SPARE_DESCRIPTORS = 500  # of mosquitto or the worker, beyond one for each link
SETTLING = 3.0  # s


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--connections", type=int, default=1_000, help="default 1,000")
    parser.add_argument(
        "--runs", type=int, default=3, help="runs, of which the median counts (default 3)"
    )
    parser.add_argument("--tls", action="store_true", help="encrypted, with a CA of our own")
    parser.add_argument(
        "--idle", type=float, default=20.0, help="seconds of doing nothing (default 20)"
    )


def run(options: argparse.Namespace) -> Result:
    remarks = _raise_descriptor_limit(options.connections + SPARE_DESCRIPTORS)
    constants = {"SITEWIRE_CAPACITY": str(max(options.connections, 5_000))}
    with machine(constants=constants, tls=options.tls) as place:
        place.stack.worker()
        encrypted = (
            {"use_tls": True, "tls_ca_certificate": place.broker.ca_pem} if options.tls else {}
        )
        port = place.broker.tls_port if options.tls else place.broker.port
        first = place.stack.site("first", port, ("c0/#",), **encrypted)
        rows.copies_of_site(place, first, options.connections - 1)
        runs = [_one(place, first, options) for _ in range(options.runs)]
        threads = min(options.connections, MOST_THREADS)
        beside = _threads(place.broker.port, threads)
    return Result(
        median(runs) | {f"{threads} clients with a thread each, {k}": v for k, v in beside.items()},
        runs,
        remarks,
    )


def _raise_descriptor_limit(wanted: int) -> tuple[str, ...]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    given = max(soft, min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (given, hard))
    short = (
        f"This machine allows a process {given} open descriptors (ulimit -Hn), {wanted} are wanted."
    )
    return (short,) if given < wanted else ()


def _one(place: Machine, first: int, options: argparse.Namespace) -> Figures:
    stack, count = place.stack, options.connections
    stack.mqtt(WORKER)
    time.sleep(SETTLING)
    worker = psutil.Process(stack.processes[WORKER].pid)
    before, begun = _memory(worker), time.monotonic()
    stack.db.execute(
        "UPDATE mqtt_mqttconnection SET is_active = true WHERE site_id <> %s", (first,)
    )
    stack.switch(first, "start")  # and the worker is told
    up(place, count, 240)
    took = time.monotonic() - begun
    time.sleep(SETTLING)
    each = (_memory(worker) - before) / count
    busy = _busy(worker, options.idle)
    stack.db.execute(
        "UPDATE mqtt_mqttconnection SET is_active = false WHERE site_id <> %s", (first,)
    )
    stack.switch(first, "stop")
    wait_for(
        lambda: (
            not stack.one("SELECT count(*) FROM mqtt_mqttconnection WHERE status = 'connected'")
        ),
        120,
    )
    stack.kill(WORKER, 15)
    return {
        "connections": float(count),
        "s until all are up": took,
        "KB each": each / 1024,
        "% of a core, idle": busy,
    }


def _memory(process: psutil.Process) -> int:
    """Bytes that would be free if it ended."""
    return int(process.memory_full_info().uss)


def _busy(process: psutil.Process, seconds: float) -> float:
    """Percent of one core."""
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / seconds * 100


def _threads(port: int, count: int) -> Figures:
    gc.collect()
    me = psutil.Process()
    before, begun = _memory(me), time.monotonic()
    clients = [_client(port, number) for number in range(count)]
    wait_for(
        lambda: all(client.is_connected() for client in clients),
        60,
        what="the clients with threads",
    )
    figures = {"s": time.monotonic() - begun, "KB each": (_memory(me) - before) / count / 1024}
    for client in clients:
        client.disconnect()
    for client in clients:
        client.loop_stop()
    return figures


def _client(port: int, number: int) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, f"thread-{number}", protocol=mqtt.MQTTv5)
    client.on_connect = lambda client, *_: client.subscribe(f"t{number}/#", 1)
    client.connect_async("127.0.0.1", port)
    client.loop_start()
    return client
