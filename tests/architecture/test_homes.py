"""What has one home: a fact that is written elsewhere, too, will be written differently some day."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files_with(pattern: str, *folders: str) -> set[str]:
    found = re.compile(pattern)
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return {
        str(path.relative_to(ROOT))
        for path in paths
        if "migrations" not in path.parts and found.search(path.read_text())
    }


def test_the_status_of_a_connection_is_written_in_one_file() -> None:
    assert files_with(
        r"status_since\s*=\s*(new|CASE|since|%|now)", "mqtt_app/services/ownership"
    ) == {"mqtt_app/services/ownership/status.py"}
    assert files_with(r"\.update\([^)]*status=ConnectionStatus", "mqtt_app", "tasks") == set()


def test_threads_are_made_by_the_periodic_thread_the_loop_and_those_who_look_up_names() -> None:
    assert files_with(r"threading\.Thread\(", "mqtt_app", "tasks") == {
        "mqtt_app/background/periodic_thread.py",
        "mqtt_app/mqtt/link/dialer.py",
        "mqtt_app/mqtt/loop.py",
        "mqtt_app/mqtt/probe/dialing.py",  # a look-up that hangs is left behind
    }


def test_the_runtime_names_no_service() -> None:
    assert files_with(r"(from|import) mqtt_app\.services", "mqtt_app/mqtt") == set()
