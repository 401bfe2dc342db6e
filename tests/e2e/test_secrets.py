"""Canary secrets in a running installation: no frame of the WebSocket, no page of Flower, no word
of `doctor` and no log line of any process holds one.
"""

import json
import re
import subprocess
import sys
import time
from typing import Any

import msgspec
import pytest
import requests
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.brokers import CertificateAuthority, Mosquitto
from tests.publisher import publisher
from tests.services import free_port
from tests.stack import ROOT, Stack, wait_for

pytestmark = pytest.mark.e2e
FLOWER = ("admin", "flower-password")
PASSWORD = "canary-broker-password"
FLOWER_PAGES = (
    "/",
    "/workers",
    "/tasks",
    "/broker",
    "/about",
    "/metrics",
    "/api/workers",
    "/api/workers?refresh=1",
    "/api/tasks",
    "/api/queues/length",
    "/api/task/types",
)


class World(msgspec.Struct):
    """A running installation, the frames that a superuser's page got, and what nobody may see."""

    stack: Stack
    flower: str
    frames: list[str]
    secrets: dict[str, str]

    def leaks(self, where: str, text: str) -> list[tuple[str, str]]:
        return [(where, name) for name, secret in self.secrets.items() if secret in text]


def start_flower(stack: Stack) -> str:
    port = free_port()
    options = (f"--port={port}", "--address=127.0.0.1", "--inspect_timeout=2000")
    command = ("-m", "celery", "-A", "project", "flower", *options)
    stack.start("flower", *command, FLOWER_BASIC_AUTH=":".join(FLOWER))
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: answers(url), 60, what="Flower")
    return url


def answers(url: str) -> bool:
    try:
        return requests.get(url, auth=FLOWER, timeout=5).status_code == 200
    except requests.RequestException:
        return False


def read_frames(socket: Connection, seconds: float) -> list[str]:
    frames = []
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            frames.append(str(socket.recv(timeout=left)))
        except TimeoutError:
            break
    return frames


@pytest.fixture(scope="module")
def world(stack: Stack, tls_broker: Mosquitto, authority: CertificateAuthority) -> World:
    """Sites that are refused, that fail in TLS and that speak, with a failed message among all."""
    certificate, key = authority.client("canary")
    stack.beat()
    flower = start_flower(stack)
    tls: dict[str, Any] = {
        "use_tls": True,
        "tls_client_certificate": certificate,
        "tls_client_key": key,
    }
    sites = [
        stack.site("refused", tls_broker.port, username="site", password=PASSWORD),
        stack.site("strange", tls_broker.tls_port, password=PASSWORD, **tls),
        stack.site("nowhere", free_port(), username="site", password=PASSWORD),
        stack.site("speaks", tls_broker.port, username="site", password="s3cret!"),
    ]
    address = stack.url.replace("http", "ws") + "/ws/mqtt/status/"
    headers = {"Authorization": f"Token {stack.token}"}
    with connect(address, additional_headers=headers) as socket:
        for site_id in sites:
            stack.switch(site_id, "start")
        for site_id in sites[:3]:
            stack.until(site_id, "error")
        stack.until(sites[3], "connected")
        with publisher(tls_broker.port, username="site", password="s3cret!") as sender:
            sender.send("plant/a", b"\xff\x00\x01")
            sender.send("plant/b", b'{"temp": 21.5}')
        wait_for(lambda: stack.one("SELECT count(*) FROM mqtt_device"), what="a device")
        frames = read_frames(socket, 3.0)
    return World(stack, flower, frames, secrets_of(stack, key))


def secrets_of(stack: Stack, key: str) -> dict[str, str]:
    stored = stack.one("SELECT password FROM mqtt_mqttconnection WHERE username = 'site' LIMIT 1")
    return {
        "broker password": PASSWORD,
        "the good broker password": "s3cret!",
        "TLS client key": key.splitlines()[2],
        "ciphertext": stored[10:60],
        "API token": stack.token,
        "Flower's password": FLOWER[1],
        "secret key": stack.env["SECRET_KEY"],
        "field key": stack.env["FIELD_ENCRYPTION_KEYS"].split(",")[0],
        "database password": re.split("[:@]", stack.env["DATABASE_URL"])[2],
    }


def test_no_frame_of_the_websocket_holds_a_secret(world: World) -> None:
    kinds = {json.loads(frame)["type"] for frame in world.frames}
    assert len(kinds) > 1, [frame[:200] for frame in world.frames]
    assert "refused" in "".join(world.frames)
    assert world.leaks("frame", "".join(world.frames)) == []


def test_no_page_of_flower_holds_a_secret(world: World) -> None:
    tasks = requests.get(f"{world.flower}/api/tasks", auth=FLOWER, timeout=60).json()
    workers = requests.get(f"{world.flower}/workers?json=1", auth=FLOWER, timeout=60).json()
    named = [f"/task/{task_id}" for task_id in tasks]
    named += [f"/api/task/info/{task_id}" for task_id in tasks]
    named += [f"/worker/{worker['hostname']}" for worker in workers["data"]]
    assert tasks
    assert workers["data"]
    found = []
    for page in (*FLOWER_PAGES, *named):
        answer = requests.get(world.flower + page, auth=FLOWER, timeout=60)
        assert answer.status_code in {200, 404}, (page, answer.status_code)
        found += world.leaks(page, answer.text + str(answer.headers))
    assert found == []


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"]])
def test_doctor_holds_no_secret(world: World, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        check=False,
        cwd=ROOT,
        env=world.stack.env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "refused" in done.stdout, done.stdout + done.stderr  # it speaks of the broken site
    assert world.leaks("doctor", done.stdout + done.stderr) == []


def test_no_log_line_of_any_process_holds_a_secret(world: World) -> None:
    logs = list(world.stack.folder.rglob("*.log*"))
    assert {"web.log", "worker.log", "mqtt-1.log", "beat.log"} <= {path.name for path in logs}
    found = []
    for path in logs:
        found += world.leaks(path.name, path.read_text(errors="replace"))
    assert found == []
