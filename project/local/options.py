"""What `manage.py up` may be told. Read before anything is installed, so that a bad flag costs
nothing, and after.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from project.local.refusal import Refusal

ROOT = Path(__file__).resolve().parent.parent.parent
MOST_MQTT_WORKERS = 32


@dataclass(frozen=True, slots=True)
class Options:
    demo: bool
    port: int
    flower_port: int
    mqtt_workers: int
    data_dir: Path


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refusal(
            f"{message[0].upper()}{message[1:]}; `manage.py up --help` lists what may be said.",
            code=2,
        )


def parse(arguments: list[str]) -> Options:
    """Refusal with exit code 2 for a flag or a value that makes no sense."""
    found = _parser().parse_args(arguments)
    if found.port == found.flower_port:
        raise Refusal(
            f"--port and --flower-port are both {found.port}; give one of them another number.",
            code=2,
        )
    return Options(
        demo=not found.no_demo,
        port=found.port,
        flower_port=found.flower_port,
        mqtt_workers=found.mqtt_workers,
        data_dir=Path(found.data_dir).expanduser().absolute(),
    )


def take_data_dir(argv: list[str]) -> tuple[list[str], Path | None]:
    """The command line without `--data-dir DIR`, and DIR. Refusal with exit code 2 where DIR is
    missing.
    """
    rest, chosen = list(argv), None
    for position, argument in enumerate(argv):
        name, _, value = argument.partition("=")
        if name != "--data-dir":
            continue
        following = argv[position + 1 : position + 2]
        if not value and (not following or following[0].startswith("-") or "=" in argument):
            raise Refusal("--data-dir needs a folder, as in: --data-dir var", code=2)
        chosen = Path(value or following[0]).expanduser().absolute()
        rest[position : position + (1 if value else 2)] = []
        break
    return rest, chosen


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="manage.py up",
        description="Runs all of Sitewire on this machine until Ctrl-C.",
        allow_abbrev=False,
    )
    parser.add_argument("--no-demo", action="store_true", help="no demo broker and no demo sites")
    parser.add_argument("--port", type=_port, default=8000, help="of the web server (default 8000)")
    parser.add_argument("--flower-port", type=_port, default=5555, help="of Flower (default 5555)")
    parser.add_argument(
        "--mqtt-workers",
        type=_workers,
        default=1,
        metavar="N",
        help="processes that hold MQTT links",
    )
    parser.add_argument(
        "--data-dir",
        default=str(ROOT / "var"),
        metavar="DIR",
        help="where data and logs go (default var/)",
    )
    return parser


def _port(text: str) -> int:
    return _between(text, 1, 65_535, "a port")


def _workers(text: str) -> int:
    return _between(text, 1, MOST_MQTT_WORKERS, "a number of workers")


def _between(text: str, low: int, high: int, what: str) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text[:9]) <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {low} to {high}")
    return int(text)
