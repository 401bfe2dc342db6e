"""pytest plugin, loaded with -p: a private PostgreSQL and Valkey for this run, there before Django
reads its settings.

Under pytest-xdist the controller starts PostgreSQL for all; every worker has a Valkey and test
databases of its own.
"""

import atexit
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from project.local.install import provision
from project.local.processes.ports import free_port
from project.local.processes.process import postgres_account
from project.local.processes.waiting import wait_until
from project.local.servers import postgres
from project.local.servers.valkey import Valkey
from tests.brokers import CertificateAuthority, Mosquitto

__all__ = ["free_port", "start_valkey"]

NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=2GB")
RARE = ("chaos", "benchmark")
# How long one example takes says nothing where other processes take the processor, too.
settings.register_profile("shared processor", deadline=None)
settings.load_profile("shared processor")
_running: list[Callable[[], None]] = []


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """A wrapper runs before pytest-django's own hook, which reads the settings."""
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(48))
    os.environ.setdefault(
        "FIELD_ENCRYPTION_KEYS", urlsafe_b64encode(secrets.token_bytes(32)).decode()
    )
    for name in [
        name
        for name in os.environ
        if name.startswith("SITEWIRE_") or name == "DJANGO_SETTINGS_MODULE"
    ]:
        del os.environ[
            name
        ]  # what a user has set for a run of the product does not change what the tests test
    os.environ["DATABASE_POOL_SIZE"] = (
        "0"  # of this process, whose tests roll back what they do on one connection
    )
    atexit.register(_stop)
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or _enter(start_postgres())
    os.environ["REDIS_URL"] = _enter(start_valkey())
    os.environ["DATA_DIR"] = os.environ["LOG_DIR"] = _enter(_folder())
    return (yield)


def pytest_unconfigure() -> None:
    _stop()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _leave_out_the_rare(config, items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A machine of CI has to have everything; a person's machine may lack the broker or the
    browser.
    """
    for name, reason in provision.missing().items():
        if item.get_closest_marker(name):
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, missing in provision.missing().items():
        count = sum(
            missing in str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])
        )
        if count:
            terminalreporter.write_line(
                f"{count} tests that need {name} were skipped: {missing}", yellow=True
            )


def _leave_out_the_rare(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Chaos tests and benchmarks take long: only when somebody asks, with -m or by naming the
    test's file.
    """
    named = any("::" in argument or argument.endswith(".py") for argument in config.args)
    if config.option.markexpr or named:
        return
    rare = [item for item in items if any(item.get_closest_marker(name) for name in RARE)]
    if rare:
        config.hook.pytest_deselected(items=rare)
        items[:] = [item for item in items if item not in set(rare)]


@contextlib.contextmanager
def start_postgres(options: Sequence[str] = NOT_DURABLE) -> Iterator[str]:
    """URL of a new PostgreSQL server that forgets everything at the end."""
    with _folder() as name:
        folder = Path(name)
        server = postgres.prepare(folder / "postgres", free_port(), secrets.token_urlsafe(16))
        process = server.start(folder / "postgres.log", postgres.environment({}), options)
        with _stopping(process, signal.SIGQUIT):
            _expect(server.answers, process, folder / "postgres.log")
            server.create_database()
            yield server.url


@contextlib.contextmanager
def start_valkey() -> Iterator[str]:
    """URL of a new, empty Valkey."""
    with _folder() as name:
        server = Valkey(Path(name), free_port(), secrets.token_urlsafe(16))
        process = server.start(Path(name) / "valkey.log", {})
        with _stopping(process, signal.SIGKILL):
            _expect(server.answers, process, Path(name) / "valkey.log")
            yield server.url


@contextlib.contextmanager
def _stopping(process: subprocess.Popen[bytes], number: signal.Signals) -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(number)
        process.wait(20)


def _expect(answers: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    ready = wait_until(lambda: process.poll() is not None or answers(), 30)
    if not ready or process.poll() is not None:
        raise pytest.UsageError(f"A service of the tests did not start:\n{log.read_text()[-2000:]}")


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    """Under /tmp, and open to PostgreSQL's user when that is not ours."""
    name = tempfile.mkdtemp(prefix="sitewire-test-")
    if postgres_account() is not None:
        Path(name).chmod(0o711)
    try:
        yield name
    finally:
        shutil.rmtree(name, ignore_errors=True)


def _enter(context: contextlib.AbstractContextManager[str]) -> str:
    value = context.__enter__()

    def leave() -> None:
        context.__exit__(None, None, None)

    _running.append(leave)
    return value


def _stop() -> None:
    while _running:
        _running.pop()()


# Brokers and the browser


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """A CA of the tests' own."""
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Mosquitto]]:
    """`mosquitto(password=..., tls=authority, ...)`: a running broker; all are stopped at the end
    of the run.
    """
    started: list[Mosquitto] = []

    def start(**options: object) -> Mosquitto:
        broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"), **options)  # type: ignore[arg-type]
        started.append(broker)
        broker.start()
        return broker

    yield start
    for broker in started:
        broker.stop()


@pytest.fixture(scope="session")
def chromium_path() -> str:
    return str(provision.chromium())
