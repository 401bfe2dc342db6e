"""What `up` shows when all answers, and the folder of logs it points at."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from project.local.options import ROOT, Options
from project.local.processes.ports import LOOPBACK

KEPT_LOGS = 3  # earlier runs


@dataclass(frozen=True, slots=True)
class ReportRow:
    what: str
    where: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Login:
    username: str
    password: str
    flower_user: str
    flower_password: str


def table(rows: list[ReportRow], seconds: float, login: Login, options: Options, logs: Path) -> str:
    width = max(len(row.what) for row in rows)
    place = max(len(row.where) for row in rows)
    lines = ["", f"{'what':<{width}}  {'where':<{place}}  seconds"]
    lines += [f"{row.what:<{width}}  {row.where:<{place}}  {row.seconds:7.1f}" for row in rows]
    web = f"http://{LOOPBACK}:{options.port}"
    return "\n".join(
        [
            *lines,
            "",
            f"Sitewire is ready after {seconds:.1f} s.",
            "",
            f"  Open      {web}/",
            f"  Sign in   {login.username} / {login.password}",
            f"  API       {web}/api/docs/",
            f"  Flower    http://{LOOPBACK}:{options.flower_port}/   {login.flower_user} / {login.flower_password}",
            f"  Logs      {logs}/",
            f"  Scripts   {options.data_dir / 'up.json'}",
            f"  Commands  python3 manage.py shell{_option(options.data_dir)}",
            "",
            "Ctrl-C stops everything.",
        ]
    )


def _option(folder: Path) -> str:
    if folder == ROOT / "var":
        return ""
    return f" --data-dir {shlex.quote(str(folder))}"


def rotate(folder: Path) -> None:
    """web.log becomes web.log.1, and so on; each start begins with new files."""
    for log in sorted(folder.glob("*.log")):
        for number in range(KEPT_LOGS, 0, -1):
            if number > 1:
                older = folder / f"{log.name}.{number - 1}"
            else:
                older = log
            if older.exists():
                older.replace(folder / f"{log.name}.{number}")
