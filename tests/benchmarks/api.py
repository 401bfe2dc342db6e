"""Lists of the API, of the admin and of the dashboard on many rows: milliseconds over HTTP, and
queries.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

import requests

from tests.benchmarks import rows
from tests.benchmarks.machine import Machine, machine
from tests.benchmarks.result import Figures, Result, median
from tests.stack import ROOT, Stack

ROUNDS = 10  # requests of each address in one run
API = "/api/v1/mqtt/"

TOPICS = """
INSERT INTO mqtt_discoveredtopic
    (connection_id, topic, is_processable, is_active, parser_name, first_seen, last_seen, message_count)
SELECT %s, 'building/' || n %% 100 || '/device/' || n || '/telemetry', n %% 4 > 0, n %% 5 > 0, 'json', now(), now(), n
FROM generate_series(1, %s) n
"""
CONNECTION_LOGS = """
INSERT INTO mqtt_mqttconnectionlog
    (connection_id, timestamp, level, message, exception_type, exception_traceback, broker_host, retry_attempt)
SELECT (%s::bigint[])[1 + n %% %s], now() - n * interval '2 s',
    (ARRAY['DEBUG', 'INFO', 'WARNING', 'ERROR'])[1 + n %% 4],
    'The link number ' || n || ' is up again.', '', '', 'broker.example', n %% 7
FROM generate_series(1, %s) n
"""
PARSING_LOGS = """
INSERT INTO mqtt_mqttparsinglog
    (site_id, timestamp, topic, parser_name, error_type, error_message, exception_type, exception_traceback,
     payload_sample)
SELECT (SELECT array_agg(site_id ORDER BY id) FROM mqtt_mqttconnection)[1 + n %% %s], now() - n * interval '2 s',
    'building/device/' || n %% 1000, 'json', (ARRAY[%s, %s])[1 + n %% 2], 'no value in it', '', '', '{"a": 1}'::jsonb
FROM generate_series(1, %s) n
"""


@dataclass(frozen=True, slots=True)
class Page:
    name: str
    address: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sites", type=int, default=1_000)
    parser.add_argument("--topics", type=int, default=100_000, help="of one site (default 100,000)")
    parser.add_argument(
        "--logs", type=int, default=1_000_000, help="rows in each log (default 1,000,000)"
    )
    parser.add_argument(
        "--runs", type=int, default=3, help="runs, of which the median counts (default 3)"
    )


def run(options: argparse.Namespace) -> Result:
    with machine() as place:
        site = _fill(place, options)
        pages = _pages(place, site)
        browser = _logged_in(place.stack)
        runs = [
            {page.name: _milliseconds(place.stack, browser, page) for page in pages}
            for _ in range(options.runs)
        ]
        queries = _queries(place.stack, pages)
    figures: Figures = {}
    for name, value in median(runs).items():
        figures |= {f"{name}, ms": value, f"{name}, queries": float(queries[name])}
    return Result(figures, runs)


def _fill(place: Machine, options: argparse.Namespace) -> int:
    """Gives the id of the site that has all the topics."""
    stack = place.stack
    site = stack.site("first", place.broker.port, ("c0/#",))
    connections = [stack.one("SELECT id FROM mqtt_mqttconnection WHERE site_id = %s", site)]
    connections += rows.copies_of_site(place, site, options.sites - 1)
    stack.db.execute(TOPICS, (connections[0], options.topics))
    count = len(connections)
    stack.db.execute(CONNECTION_LOGS, (connections, count, options.logs))
    stack.db.execute(PARSING_LOGS, (count, "VALIDATION_ERROR", "PARSE_ERROR", options.logs))
    stack.db.execute("VACUUM ANALYZE")  # as autovacuum will have done by the time there are so many
    return site


def _pages(place: Machine, site: int) -> list[Page]:
    early = place.stack.one(
        "SELECT min(timestamp) + (max(timestamp) - min(timestamp)) / 100 FROM mqtt_mqttparsinglog"
    )
    lists = {
        "site list": "sites/?page_size=100",
        "site list, search": "sites/?search=copy+77",
        "topic list": f"sites/{site}/discovered-topics/?page_size=100",
        "topic list, not allowed": f"sites/{site}/discovered-topics/?is_active=false&is_processable=true",
        "topic list, search": f"sites/{site}/discovered-topics/?search=device/777",
        "connection log": "connection-logs/?page_size=100",
        "connection log of a site": f"connection-logs/?site={site}",
        "connection log, errors": "connection-logs/?level=ERROR",
        "parsing log": "parsing-logs/?page_size=100",
        "parsing log of a site": f"parsing-logs/?site={site}",
        "parsing log, the oldest": f"parsing-logs/?to={early:%Y-%m-%dT%H:%M:%SZ}",
        "parsing log, search": "parsing-logs/?search=device/77",
    }
    admin = {"sites": "site", "topics": "discoveredtopic", "connection log": "mqttconnectionlog"}
    return [
        *(Page(f"API: {name}", API + address) for name, address in lists.items()),
        *(Page(f"admin: {name}", f"/admin/mqtt/{model}/") for name, model in admin.items()),
        Page("admin: parsing log", "/admin/mqtt/mqttparsinglog/"),
        Page("admin: parsing log, page 50", "/admin/mqtt/mqttparsinglog/?p=50"),
        Page("dashboard: overview", "/"),
        Page("dashboard: site", f"/sites/{site}/"),
    ]


def _logged_in(stack: Stack) -> requests.Session:
    browser = requests.Session()
    page = browser.get(stack.url + "/login/", timeout=30).text
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found, "the login page has no form"
    form = {"username": "admin", "password": "admin-password", "csrfmiddlewaretoken": found[1]}
    answer = browser.post(stack.url + "/login/", form, headers={"Referer": stack.url}, timeout=30)
    assert browser.cookies.get("sessionid"), answer.status_code
    return browser


def _milliseconds(stack: Stack, browser: requests.Session, page: Page) -> float:
    """Of the middle one of `ROUNDS` requests."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.monotonic()
        answer = browser.get(stack.url + page.address, timeout=60)
        taken.append((time.monotonic() - begun) * 1000)
        assert answer.status_code == 200, (page, answer.status_code, answer.text[:200])
    return statistics.median(taken)


def _queries(stack: Stack, pages: list[Page]) -> dict[str, int]:
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.api_queries",
        *(page.address for page in pages),
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=stack.env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])  # logs stand above it
    return {page.name: found[page.address] for page in pages}
