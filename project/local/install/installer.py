"""Which of the ways to make an environment fits this machine, and its commands. Pure; standard
library only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Command = list[str]

UV_NAMES = {
    # uv does not read pip's variables; a user who has set them means them.
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_NO_INDEX": "UV_NO_INDEX",
    "PIP_CERT": "SSL_CERT_FILE",
}


@dataclass(frozen=True, slots=True)
class Tools:
    """What the running Python and the PATH offer."""

    uv: str | None  # its path
    venv: bool
    ensurepip: bool
    pip: bool


@dataclass(frozen=True, slots=True)
class Way:
    name: str
    create: Command
    install: Command  # without the requirements
    needs_pip: bool = False  # inside the environment


def ways(tools: Tools, python: str, folder: Path) -> list[Way]:
    """The ways that can work here, best first; none means that something has to be installed by
    hand.
    """
    target = str(folder / "bin" / "python")
    found = []
    if tools.uv:
        create = [tools.uv, "venv", "--no-project", "--python", python, str(folder)]
        found.append(
            Way(
                "uv", create, [tools.uv, "pip", "install", "--compile-bytecode", "--python", target]
            )
        )
    quiet = ["install", "--no-input", "--disable-pip-version-check", "--no-warn-script-location"]
    if tools.venv and tools.ensurepip:
        found.append(
            Way("pip", [python, "-m", "venv", str(folder)], [target, "-m", "pip", *quiet], True)
        )
    elif tools.venv and tools.pip:
        create = [python, "-m", "venv", "--without-pip", str(folder)]
        found.append(Way("pip", create, [python, "-m", "pip", "--python", target, *quiet]))
    return found


def requirements(root: Path, level: str) -> list[str]:
    folder = root / "requirements"
    return ["-r", str(folder / f"{level}.txt"), "-c", str(folder / "constraints.txt")]


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The variables for the installer: pip's settings for uv too, and nothing that points at
    another environment.
    """
    left_out = {
        "VIRTUAL_ENV",
        "PYTHONHOME",
        "CONDA_PREFIX",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_USER",
        "PIP_TARGET",
        "PIP_PREFIX",
    }
    kept = {name: value for name, value in given.items() if name not in left_out}
    for pip_name, uv_name in UV_NAMES.items():
        value = given.get(pip_name)
        if value and uv_name not in kept:
            kept[uv_name] = ",".join(value.split()) if uv_name == "UV_FIND_LINKS" else value
    return kept


def last_words(output: Sequence[str]) -> str:
    """The line of an installer's output that says why it failed."""
    lines = [line.strip() for line in output if line.strip()]
    errors = (
        [line for line in lines if line.lower().startswith(("error", "fatal"))]
        or lines[-1:]
        or ["no output"]
    )
    return errors[-1].removeprefix("ERROR: ").removeprefix("error: ")[:300]
