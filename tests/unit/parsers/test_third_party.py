"""A parser in a package of its own is found by its entry point; a broken neighbour is only
reported.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SCRIPT = """
import json
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.registry import load, run
registry = load()
parser = registry.recognise("weather/roof", b"21.5;40")
facts = run(parser, Message("weather/roof", b"21.5;40", 0.0))
print(json.dumps([parser.name, [[f.device, f.metric, f.value] for f in facts], [n for n, _ in registry.failures]]))
"""


def install(target: Path, workplace: Path) -> None:
    source = shutil.copytree(
        ROOT / "tests" / "third_party_parser", workplace
    )  # the build leaves files beside it
    options = [
        "--no-build-isolation",
        "--no-deps",
        "--no-index",
        "--quiet",
        "--target",
        str(target),
    ]
    command = [sys.executable, "-m", "pip", "install", *options, str(source)]
    subprocess.run(command, check=True, timeout=100, capture_output=True)


def test_an_installed_package_brings_its_parser(tmp_path: Path) -> None:
    install(tmp_path / "site", tmp_path / "source")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(ROOT)])}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        command, check=True, timeout=60, capture_output=True, text=True, env=environment
    )
    readings = [["roof", "temperature", 21.5], ["roof", "humidity", 40.0]]
    assert json.loads(done.stdout) == ["weather", readings, ["broken"]]
