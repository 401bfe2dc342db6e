"""Wrong passwords against real processes: two web processes and Flower, which count in one place."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import requests

from tests.narrowing import present
from tests.services import free_port, start_valkey
from tests.stack import ROOT, Stack, fresh_database, wait_for

pytestmark = pytest.mark.e2e
FLOWER = ("admin", "flower-password")
PARALLEL = 32


class Entrances:
    """Where passwords are asked for."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.flower = f"http://127.0.0.1:{free_port()}"
        self.webs: list[str] = []

    def start(self) -> None:
        for number in range(2):
            port = free_port()
            self.webs.append(f"http://127.0.0.1:{port}")
            command = (
                "-m",
                "uvicorn",
                "project.asgi:application",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
            )
            self.stack.start(f"web-{number}", *command)
        flower_port = self.flower.rpartition(":")[2]
        command = (
            "-m",
            "celery",
            "-A",
            "project",
            "flower",
            "--address=127.0.0.1",
            f"--port={flower_port}",
        )
        self.stack.start("flower", *command, FLOWER_BASIC_AUTH=":".join(FLOWER))
        for url in (*(f"{web}/livez" for web in self.webs), self.flower):
            wait_for(partial(answers, url), 60, what=url)

    def api(self, web: int, name: str, password: str) -> int:
        url = f"{self.webs[web]}/api/v1/auth/login/"
        return requests.post(
            url, json={"username": name, "password": password}, timeout=60
        ).status_code

    def page(self, web: int, path: str, name: str, password: str) -> int:
        with requests.Session() as browser:
            shown = browser.get(self.webs[web] + path, timeout=60)
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', shown.text)
            form = {
                "csrfmiddlewaretoken": present(token).group(1),
                "username": name,
                "password": password,
            }
            return browser.post(
                self.webs[web] + path, form, allow_redirects=False, timeout=60
            ).status_code

    def monitor(self, password: str, path: str = "/") -> requests.Response:
        return requests.get(self.flower + path, auth=(FLOWER[0], password), timeout=60)

    def unlock(self) -> None:
        command = [sys.executable, "manage.py", "unlock_logins", "--all"]
        done = subprocess.run(
            command,
            check=False,
            cwd=ROOT,
            env=self.stack.env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code in {200, 401}
    except requests.ConnectionError:
        return False


def in_parallel(work: Callable[[int], int]) -> list[int]:
    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(work, range(PARALLEL)))


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, template: tuple[str, str]
) -> Iterator[Entrances]:
    folder = tmp_path_factory.mktemp("log_ins")
    with (
        start_valkey() as redis_url,
        fresh_database(os.environ["DATABASE_URL"], "stack_log_ins") as database_url,
    ):
        stack = Stack(folder, database_url, redis_url, template)
        try:
            found = Entrances(stack)
            found.start()
            yield found
        finally:
            stack.stop()


@pytest.fixture
def entrances(running: Entrances) -> Entrances:
    running.stack.rows("DELETE FROM mqtt_logincounter RETURNING id")
    return running


def tries(entrances: Entrances, kind: str) -> int:
    query = "SELECT sum(wrong + refused) FROM mqtt_logincounter WHERE kind = %s"
    return int(entrances.stack.one(query, kind) or 0)


def test_thirty_two_wrong_passwords_at_flower_at_once_are_thirty_two(entrances: Entrances) -> None:
    codes = in_parallel(lambda number: entrances.monitor(f"guess-{number}").status_code)
    assert (codes.count(401), codes.count(429)) == (5, 27)
    assert tries(entrances, "name") == PARALLEL
    refused = entrances.monitor(FLOWER[1])
    assert refused.status_code == 429
    assert "Too many wrong tries. Try again in" in refused.text
    assert 0 < int(refused.headers["Retry-After"]) <= 30
    assert (
        entrances.stack.one("SELECT count(*) FROM mqtt_auditentry WHERE action = 'locked out'") >= 1
    )
    entrances.unlock()
    assert entrances.monitor(FLOWER[1]).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/workers", "/tasks", "/broker", "/api/workers", "/api/tasks", "/nothing"]
)
def test_every_address_of_flower_counts(entrances: Entrances, path: str) -> None:
    assert [entrances.monitor("guess", path).status_code for _ in range(6)][-1] == 429
    assert entrances.monitor(FLOWER[1], path).status_code == 429


@pytest.mark.parametrize(
    "header",
    [
        "Basic !!!",
        "Basic",
        "Bearer x",
        "Basic YWRtaW4=",
        "Basic gICA",
        "basic YWRtaW46",
        "Basic " + "A" * 999,
    ],
)
def test_nonsense_is_a_wrong_try_as_well(entrances: Entrances, header: str) -> None:
    answer = requests.get(entrances.flower, headers={"Authorization": header}, timeout=60)
    assert answer.status_code == 401
    assert tries(entrances, "address") == 1


def test_flower_without_credentials_asks_for_them_and_counts_nothing(entrances: Entrances) -> None:
    answer = requests.get(entrances.flower, timeout=60)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="flower"')
    assert tries(entrances, "address") == 0


def test_a_browser_s_many_requests_with_the_right_password_pass(entrances: Entrances) -> None:
    assert set(in_parallel(lambda _: entrances.monitor(FLOWER[1]).status_code)) == {200}
    assert not entrances.stack.one("SELECT count(*) FROM mqtt_logincounter")


def test_thirty_two_wrong_passwords_at_two_web_processes_are_thirty_two(
    entrances: Entrances,
) -> None:
    codes = in_parallel(lambda number: entrances.api(number % 2, "member", f"guess-{number}"))
    assert (codes.count(401), codes.count(429)) == (5, 27)
    assert entrances.api(0, "member", "member-password") == 429
    assert entrances.api(1, " MEMBER ", "member-password") == 429
    entrances.unlock()
    assert entrances.api(1, "member", "member-password") == 200


def test_all_entrances_count_together(entrances: Entrances) -> None:
    def guess(number: int) -> int:
        entrances_in_turn: tuple[Callable[[], int], ...] = (
            lambda: entrances.api(0, "admin", "guess"),
            lambda: entrances.page(1, "/login/", "admin", "guess"),
            lambda: entrances.page(0, "/admin/login/", "admin", "guess"),
            lambda: entrances.monitor("guess").status_code,
        )
        return entrances_in_turn[number % 4]()

    codes = in_parallel(guess)
    assert codes.count(429) == PARALLEL - 5
    assert entrances.api(1, "admin", "admin-password") == 429
    assert entrances.page(1, "/login/", "admin", "admin-password") == 429
    assert entrances.page(0, "/admin/login/", "admin", "admin-password") == 429
    assert entrances.monitor(FLOWER[1]).status_code == 429
