"""The two programs that the tests need and pip cannot give: mosquitto and Chromium, from Debian's
packages.

Root installs them. Anybody else has them unpacked below var/tools, where nothing has to be
installed.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

from project.local.options import ROOT
from project.local.progress import Line, say

TOOLS = ROOT / "var" / "tools"
SYSTEM_PATH = ":".join(
    [
        os.environ.get("PATH", os.defpath),
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
        str(TOOLS / "bin"),
    ]
)
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGES = {"mosquitto": "mosquitto", "chromium": "chromium"}  # marker of a test -> Debian package
POLICY = Path("/usr/sbin/policy-rc.d")  # Debian asks it before a package starts its service
CORE = ("libc6_", "libc-bin_", "base-files_", "dpkg_")  # never mixed with the system's own
WRAPPER = """#!/bin/sh
export LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
[ -d /etc/fonts ] || export FONTCONFIG_PATH="{root}/etc/fonts"
exec "{program}" "$@"
"""
PROGRAMS = {
    "mosquitto": "usr/sbin/mosquitto",
    "mosquitto_passwd": "usr/bin/mosquitto_passwd",
    "chromium": "usr/lib/chromium/chromium",
}
TIMEOUT = 420.0  # s


def mosquitto() -> Path:
    return Path(_found("mosquitto") or "mosquitto")


def mosquitto_passwd() -> Path:
    return Path(_found("mosquitto_passwd") or "mosquitto_passwd")


def chromium() -> Path:
    return Path(next(filter(None, map(_found, CHROMIUM_NAMES)), "chromium"))


@cache
def missing() -> dict[str, str]:
    """Marker name -> why its tests cannot run on this machine. Empty when all is there."""
    lacks = {}
    if not _found("mosquitto") or not _found("mosquitto_passwd"):
        lacks["mosquitto"] = "the broker mosquitto is not installed here and could not be provided"
    if not any(map(_found, CHROMIUM_NAMES)):
        lacks["chromium"] = "the browser Chromium is not installed here and could not be provided"
    return lacks


def provide() -> None:
    """Best effort; what is missing afterwards is said by `missing()`."""
    wanted = [PACKAGES[name] for name in missing()]
    if not wanted:
        return
    if shutil.which("apt-get") is None:
        say(f"{' and '.join(wanted)}: not here, and there is no apt-get to get them with.")
        return
    with Line(f"Getting {' and '.join(wanted)} from Debian's packages") as line:
        if os.geteuid() == 0:
            trouble = _install(wanted)
        else:
            trouble = "not root"
        missing.cache_clear()
        if missing():
            trouble = _unpack([PACKAGES[name] for name in missing()])
        missing.cache_clear()
        left = " and ".join(missing())
        line.end(f"Could not get {left}: {trouble}" if left else f"Got {' and '.join(wanted)}.")


def _install(packages: list[str]) -> str:
    """Why it failed; empty when it worked. The services of the packages are not started."""
    guarded = not POLICY.exists()
    if guarded:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        return _run("apt-get", "update", "-qq") or _run(
            "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages
        )
    finally:
        if guarded:
            POLICY.unlink()


def _unpack(packages: list[str], status: Path = Path("/var/lib/dpkg/status")) -> str:
    """The packages and what they need, below var/tools, with package lists of our own."""
    apt = TOOLS / "apt"
    for folder in (
        apt / "state" / "lists" / "partial",
        apt / "cache" / "archives" / "partial",
        TOOLS / "bin",
    ):
        folder.mkdir(parents=True, exist_ok=True)
    options = [
        "-qq",
        "-o",
        f"Dir::State={apt / 'state'}",
        "-o",
        f"Dir::State::status={status}",
        "-o",
        f"Dir::Cache={apt / 'cache'}",
        "-o",
        "Debug::NoLocking=1",
        "-o",
        "APT::Sandbox::User=root",
    ]
    fetch = ["install", "-y", "--download-only", "--no-install-recommends", *packages]
    trouble = _run("apt-get", *options, "update") or _run("apt-get", *options, *fetch)
    if trouble:
        return trouble
    for archive in sorted((apt / "cache" / "archives").glob("*.deb")):
        if archive.name.startswith(CORE):
            trouble = ""
        else:
            trouble = _run("dpkg", "-x", str(archive), str(TOOLS / "root"))
        if trouble:
            return trouble
    _write_wrappers(TOOLS / "root", TOOLS / "bin")
    return ""


def _write_wrappers(root: Path, folder: Path) -> None:
    """Each program with the libraries that came with it."""
    places = [
        path
        for path in (*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*"))
        if path.is_dir()
    ]
    libraries = ":".join(map(str, [*places, root / "usr/lib"]))
    for name, program in PROGRAMS.items():
        if (root / program).exists():
            wrapper = folder / name
            wrapper.write_text(
                WRAPPER.format(libraries=libraries, root=root, program=root / program)
            )
            wrapper.chmod(0o755)


def _run(
    *command: str, runner: Callable[..., "subprocess.CompletedProcess[str]"] = subprocess.run
) -> str:
    """Why it failed; empty when it worked."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    try:
        done = runner(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]} took longer than {TIMEOUT:.0f} s."
    except OSError as error:
        return f"{command[0]}: {error.strerror}."
    last = (done.stderr or done.stdout).strip().splitlines()[-1:] or [
        f"{command[0]} ended with {done.returncode}."
    ]
    if done.returncode == 0:
        return ""
    return last[0].removeprefix("E: ")


def _found(name: str) -> str | None:
    return shutil.which(name, path=SYSTEM_PATH)
