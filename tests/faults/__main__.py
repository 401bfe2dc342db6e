"""`python -m tests.faults --layer domain --count 20 --seed 1`: do the tests notice a fault?

Plants a seeded sample of small faults, one at a time, in a copy of the checkout, runs the tests on
each (the nearest ones first, by imports), and prints the score with every fault that nobody
noticed, for somebody to read. `--quick` runs unit tests only; `--minutes` bounds the whole;
`--only` names files; `--list` prints the sample.
"""

import argparse
import contextlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.nearness import FAR
from tests.faults.planting import Fault, lua_faults, python_faults
from tests.faults.trying import ALL, UNIT, Trial, servers

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("domain", "parsers", "services", "coordination", "selectors", "mqtt")
Place = tuple[Path, Fault]


def main() -> int:
    chosen = _arguments()
    sample = _sample(chosen)
    if chosen.list:
        for path, fault in sample:
            print(f"{path}:{fault.line}  {fault.what}")
        return 0
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sitewire-faults-"))
        copy = _copy(Path(folder))
        folders = UNIT if chosen.quick else ALL
        trial = Trial(copy, folders, stack.enter_context(servers()), chosen.within)
        if not chosen.trust and not trial.passes_without_fault():
            print("The tests fail without any fault; mend that first.")
            return 2
        _report(", ".join(chosen.layer), *_tried(trial, sample, chosen.minutes))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--layer", choices=LAYERS, nargs="+", default=["domain"])
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sql", action="store_true", help="only faults within SQL")
    parser.add_argument("--only", default="", help="only in files whose path contains this")
    parser.add_argument("--quick", action="store_true", help="unit tests only")
    parser.add_argument(
        "--within", type=int, default=FAR, help="only tests at most so many imports away"
    )
    parser.add_argument(
        "--minutes", type=float, default=600.0, help="plant no more faults after so long"
    )
    parser.add_argument(
        "--trust", action="store_true", help="do not run the tests without a fault first"
    )
    parser.add_argument("--list", action="store_true", help="print the sample and run nothing")
    return parser.parse_args()


def _sample(chosen: argparse.Namespace) -> list[Place]:
    found: list[Place] = []
    for path in sorted(
        path for layer in chosen.layer for path in (ROOT / "mqtt_app" / layer).rglob("*")
    ):
        if path.suffix in {".py", ".lua"} and chosen.only in str(path):
            planted = (lua_faults if path.suffix == ".lua" else python_faults)(path.read_text())
            found += [(path.relative_to(ROOT), fault) for fault in planted]
    wanted = [place for place in found if place[1].is_sql or not chosen.sql]
    return random.Random(chosen.seed).sample(wanted, min(chosen.count, len(wanted)))


def _copy(folder: Path) -> Path:
    """The files as they are now, with the same environment."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def _tried(trial: Trial, sample: list[Place], minutes: float) -> tuple[list[Place], list[Place]]:
    """(noticed, missed), said one by one as they come."""
    noticed: list[Place] = []
    missed: list[Place] = []
    began = time.monotonic()
    for number, (path, fault) in enumerate(sample, 1):
        if time.monotonic() - began > minutes * 60:
            break
        start = time.monotonic()
        by = trial.is_noticed(path, fault)
        (noticed if by else missed).append((path, fault))
        seconds = time.monotonic() - start
        verdict = "noticed" if by else "MISSED "
        print(
            f"{number:3}/{len(sample)} {seconds:4.0f} s {verdict} {path}:{fault.line} {fault.what}  {by}",
            flush=True,
        )
    return noticed, missed


def _report(name: str, noticed: list[Place], missed: list[Place]) -> None:
    count = len(noticed) + len(missed)
    for path, fault in missed:
        print(f"not noticed: {path}:{fault.line}  {fault.what}")
    print(f"{name}: {len(noticed)} of {count} noticed ({len(noticed) / max(count, 1):.0%})")


if __name__ == "__main__":
    sys.exit(main())
