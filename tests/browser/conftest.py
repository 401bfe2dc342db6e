"""A web process with a database of its own, and a real browser in front of it."""

import os
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from psycopg import sql

from tests.services import free_port, start_valkey
from tests.stack import Stack, environment, set_up, wait_for, with_database


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("browser")
    name = f"browser_{uuid4().hex[:12]}"
    server = with_database(os.environ["DATABASE_URL"], "postgres")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    database = with_database(server, name)
    with start_valkey() as redis_url:
        running = Stack(
            folder, database, redis_url, set_up(environment(folder, database, redis_url))
        )
        try:
            start_web(running, free_port())
            yield running
        finally:
            running.stop()


def start_web(stack: Stack, port: int) -> None:
    stack.url = f"http://127.0.0.1:{port}"
    stack.start(
        "web",
        "-m",
        "uvicorn",
        "project.asgi:application",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    )
    wait_for(lambda: stack._answers("/login/"), what="the login page")


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """Logged in as the superuser; a fault in a script, or a refused one, fails the test."""
    context = browser.new_context(base_url=stack.url, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda fault: faults.append(str(fault)))
    opened.on(
        "console",
        lambda said: faults.append(said.text) if "Content Security" in said.text else None,
    )
    log_in(opened, "admin", "admin-password")
    yield opened
    context.close()
    assert faults == []


def log_in(page: Page, name: str, password: str) -> None:
    page.goto("/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("body[data-live=live]")
