"""Can this work here at all? Asked before anything is installed or written. Standard library only."""

import os
import platform
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

from project.local import running
from project.local.options import Options
from project.local.processes import ports, registry, runlock
from project.local.refusal import Refusal

MACHINES = {"linux": ("x86_64", "amd64", "aarch64", "arm64"), "darwin": ("x86_64", "arm64")}
OLDEST_GLIBC = (2, 28)  # of the wheels with PostgreSQL


@dataclass(frozen=True, slots=True)
class Machine:
    system: str  # as sys.platform says it
    processor: str
    abi: str  # names the C library that Python was built for
    glibc: str  # "2.36", or empty where there is none

    @classmethod
    def here(cls) -> "Machine":
        abi = f"{sysconfig.get_config_var('SOABI')} {sysconfig.get_config_var('HOST_GNU_TYPE')}"
        name, version = platform.libc_ver()
        return cls(
            sys.platform, platform.machine().lower(), abi, version if name == "glibc" else ""
        )


def problem(machine: Machine) -> str:
    """One sentence for people, or empty when Sitewire's servers run on such a machine."""
    if machine.system in {"win32", "cygwin", "msys"}:
        return (
            "Sitewire does not run on Windows itself;"
            " use WSL 2 (https://learn.microsoft.com/windows/wsl/) or Docker."
        )
    if machine.system not in MACHINES:
        return f"Sitewire's servers are built for Linux and macOS, not for {machine.system}; use docker-compose.yml."
    if "musl" in machine.abi:
        return "PostgreSQL and Valkey come as programs for glibc and this Linux has musl; use docker-compose.yml."
    if machine.processor not in MACHINES[machine.system]:
        return f"There is no PostgreSQL and Valkey for the processor {machine.processor}; use docker-compose.yml."
    if machine.glibc and _numbers(machine.glibc) < OLDEST_GLIBC:
        return f"This Linux has glibc {machine.glibc}, and 2.28 or newer is needed; use docker-compose.yml."
    return ""


def check_machine() -> None:
    sentence = problem(Machine.here())
    if sentence:
        raise Refusal(sentence)


def check_up(options: Options) -> None:
    """The folder, then who uses it, then what a killed run has left: only then is a taken port
    somebody else's.
    """
    check_data_dir(options.data_dir)
    with runlock.held(options.data_dir):
        registry.sweep(options.data_dir)
        running.withdraw(options.data_dir)  # what a killed run has said is not true any more
    for port, flag in ((options.port, "--port"), (options.flower_port, "--flower-port")):
        trouble = ports.problem_with(port)
        if trouble:
            raise Refusal(f"Port {port} {trouble}; stop that, or choose another port with {flag}.")


def check_data_dir(folder: Path) -> None:
    """Makes it, and proves that it can be written to."""
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Refusal(
            f"The data folder {folder} cannot be written to ({os.strerror(error.errno or 0)}); "
            "choose another with --data-dir."
        ) from None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
