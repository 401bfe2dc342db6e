"""What readers rely on: linted, typed, layered, small files, small functions, nothing hidden."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tasks import queues

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("project", "mqtt_app", "tasks")
LONGEST_FILE = 300
LONGEST_FUNCTION = 40
LATE_IMPORTS_ALLOWED = {
    "mqtt_app/apps.py",  # system checks may be registered only once the models are loaded
    "tasks/apps.py",  # the same for models that the schedule is kept in
    "project/celery.py",  # Celery's signal comes when the settings are there
}
SOURCES = [
    path
    for package in (*PACKAGES, "tests")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "migrations" not in path.parts
]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (
        node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )


def product() -> list[Path]:
    return [path for path in SOURCES if path.relative_to(ROOT).parts[0] in PACKAGES]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_ruff_has_nothing_to_say() -> None:
    done = run("-m", "ruff", "check", "--no-cache", "--output-format", "concise", ".")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_mypy_strict_has_nothing_to_say() -> None:
    done = run("-m", "mypy")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_layers_import_only_downwards() -> None:
    done = run(
        "-c",
        "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())",
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_fits_into_the_head() -> None:
    lengths = {name(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_every_function_fits_into_the_eye() -> None:
    too_long = [
        f"{name(path)}:{function.lineno} {function.name}"
        for path in product()
        for function in functions(ast.parse(path.read_text()))
        if (function.end_lineno or 0) - function.lineno >= LONGEST_FUNCTION
    ]
    assert too_long == []


def test_no_import_is_hidden_in_a_function() -> None:
    hidden = [
        f"{name(path)}:{node.lineno}"
        for path in product()
        if name(path) not in LATE_IMPORTS_ALLOWED
        for function in functions(ast.parse(path.read_text()))
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES
    ]
    assert hidden == []


def test_no_model_signal_acts_at_a_distance() -> None:
    signals = re.compile(r"\b(pre|post)_(save|delete|init)\b|\bm2m_changed\b")
    users = [name(path) for path in product() if signals.search(path.read_text())]
    assert users == []


def test_every_queue_has_a_line_in_docker_compose() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    commands = [
        service["command"] for key, service in services.items() if key.startswith("worker-")
    ]
    assert sorted(command[command.index("-Q") + 1] for command in commands) == sorted(queues.ALL)
