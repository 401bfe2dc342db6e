"""`python -m tests.faults --layer domain --count 20 --seed 1`: do the tests notice a fault?

Plants a seeded sample of small faults, one at a time, in a copy of the checkout, runs the tests on each,
and prints the score by layer with every fault that nobody noticed, for somebody to read.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.planting import Fault, lua_faults, python_faults

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("domain", "parsers", "services", "coordination", "selectors", "mqtt")
QUICK = ("tests/unit",)
THOROUGH = ("tests/unit", "tests/contracts", "tests/integration")
LONGEST = 1_500  # s for one run of the tests; a fault that hangs them is noticed, too


def main() -> int:
    chosen = _arguments()
    sample = _sample(chosen.layer, chosen.count, chosen.seed, sql_only=chosen.sql)
    with tempfile.TemporaryDirectory(prefix="sitewire-faults-") as folder:
        copy = _copy(Path(folder))
        if not _passes(copy, THOROUGH):
            print("The tests fail without any fault; mend that first.")
            return 2
        missed = [place for place in sample if not _is_noticed(copy, *place)]
    noticed = len(sample) - len(missed)
    print(f"{chosen.layer}: {noticed} of {len(sample)} noticed ({noticed / max(len(sample), 1):.0%})")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--layer", choices=LAYERS, default="domain")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sql", action="store_true", help="only faults within SQL")
    return parser.parse_args()


def _sample(layer: str, count: int, seed: int, *, sql_only: bool) -> list[tuple[Path, Fault]]:
    found = []
    for path in sorted((ROOT / "mqtt_app" / layer).rglob("*")):
        if path.suffix in {".py", ".lua"}:
            planted = (lua_faults if path.suffix == ".lua" else python_faults)(path.read_text())
            found += [(path.relative_to(ROOT), fault) for fault in planted]
    wanted = [place for place in found if place[1].is_sql or not sql_only]
    return random.Random(seed).sample(wanted, min(count, len(wanted)))


def _copy(folder: Path) -> Path:
    """The files as they are now, with the same environment."""
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def _is_noticed(copy: Path, path: Path, fault: Fault) -> bool:
    original = (copy / path).read_text()
    (copy / path).write_text(fault.source)
    try:
        noticed = not (_passes(copy, QUICK) and _passes(copy, THOROUGH[1:]))
    finally:
        (copy / path).write_text(original)
    print(f"{'noticed' if noticed else 'MISSED '}  {path}:{fault.line}  {fault.what}", flush=True)
    return noticed


def _passes(copy: Path, folders: tuple[str, ...]) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", *folders]
    env = {**os.environ, "PYTHONPATH": str(copy)}
    try:
        done = subprocess.run(command, cwd=copy, env=env, capture_output=True, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
