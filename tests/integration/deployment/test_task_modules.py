"""A worker knows every task that beat sends, and every one that a module of tasks defines."""

import json
import os
import subprocess
import sys
from pathlib import Path

from mqtt_app.domain.health.periodic import PeriodicTaskName
from tasks import queues

ROOT = Path(__file__).resolve().parents[3]
# In a process of its own, which has imported no task for another reason.
REGISTERED = """
import json
from project.celery import app
app.loader.import_default_modules()
print(json.dumps(sorted(name for name in app.tasks if name.startswith("tasks."))))
"""


def test_a_worker_registers_every_periodic_task() -> None:
    done = subprocess.run(
        [sys.executable, "-c", REGISTERED],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    registered = json.loads(done.stdout.splitlines()[-1])
    assert {str(name) for name in PeriodicTaskName} <= set(registered)


def test_every_module_that_defines_a_task_has_a_queue() -> None:
    defining = {
        f"tasks.{path.stem}"
        for path in (ROOT / "tasks").glob("*.py")
        if "@shared_task" in path.read_text()
    }
    assert set(queues.TASK_MODULES) == defining
