"""`python3 manage.py benchmark [ingest|...]`: figures with their machine, as a table and as JSON."""

import argparse
import json
import sys
from pathlib import Path

from project.local import provision
from tests.benchmarks import ingest, window
from tests.benchmarks.machine import about

BENCHMARKS = {"ingest": ingest, "window": window}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="manage.py benchmark", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for name, module in BENCHMARKS.items():
        one = kinds.add_parser(name, help=(module.__doc__ or "").splitlines()[0])
        module.add_arguments(one)
        one.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args(arguments)
    provision.provide()
    figures = BENCHMARKS[options.kind].run(options)
    show(options.kind, figures)
    if options.json:
        options.json.write_text(json.dumps({"benchmark": options.kind, "figures": figures, "on": about()}, indent=2))
    return 0


def show(kind: str, figures: dict[str, object]) -> None:
    width = max(map(len, figures))
    print(f"\n{kind}, on {', '.join(f'{name} {value}' for name, value in about().items())}\n")
    for name, value in figures.items():
        print(f"  {name:<{width}}  {value:>12,.1f}" if isinstance(value, float) else f"  {name:<{width}}  {value}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
