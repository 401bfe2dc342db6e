"""`python3 manage.py benchmark KIND`: figures with their machine, as a table and as JSON in
var/benchmarks/.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from project.local.install import provision
from tests.benchmarks import (
    api,
    connections,
    fairness,
    ingest,
    latency,
    parsers,
    storage,
    window,
    workers,
)
from tests.benchmarks.machine import about
from tests.benchmarks.result import Result
from tests.stack import ROOT

BENCHMARKS = {
    "ingest": ingest,
    "connections": connections,
    "latency": latency,
    "fairness": fairness,
    "api": api,
    "parsers": parsers,
    "storage": storage,
    "window": window,
    "workers": workers,
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="manage.py benchmark", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for name, module in BENCHMARKS.items():
        summary = (module.__doc__ or "").splitlines()[0]
        kind = kinds.add_parser(name, help=summary, description=summary)
        module.add_arguments(kind)
        kind.add_argument(
            "--json",
            type=Path,
            default=ROOT / "var" / "benchmarks" / f"{name}.json",
            help="file to write",
        )
    options = parser.parse_args(arguments)
    provision.provide()
    result, on = BENCHMARKS[options.kind].run(options), about()
    show(options.kind, result, on)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    chosen = {name: value for name, value in vars(options).items() if name not in {"json", "kind"}}
    written = {"benchmark": options.kind, "options": chosen, **asdict(result), "on": on}
    options.json.write_text(json.dumps(written, indent=2) + "\n")
    return 0


def show(kind: str, result: Result, on: dict[str, str]) -> None:
    width = max(map(len, result.figures))
    print(f"\n{kind}, on {', '.join(f'{name} {value}' for name, value in on.items())}\n")
    for name, value in result.figures.items():
        print(f"  {name:<{width}}  {value:>14,.1f}")
    for remark in result.remarks:
        print(f"\n  {remark}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
