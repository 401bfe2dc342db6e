"""`manage.py init`: the secrets and settings that docker-compose.yml needs, in a file for their
owner only.

Runs on a bare Python and in the image. What is there is kept: a secret that changed by accident
would lock its own installation out.
"""

import argparse
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from project.local import files
from project.local.deploy import env_file, env_secrets
from project.local.deploy.access import HTTPS_NAMES, Access, valid_bind, valid_host
from project.local.options import ROOT
from project.local.refusal import Refusal

STANDARD_OUTPUT = "-"
HEAD = "# Made by `python3 manage.py init`. It holds every secret of this installation: keep a copy where it is safe.\n"
ACCESS_NAMES = ("ALLOWED_HOSTS", "HTTPS_ONLY", "WEB_BIND", *HTTPS_NAMES)


class _InitParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refusal(
            f"{message[0].upper()}{message[1:]}; `manage.py init --help` lists what may be said.",
            code=2,
        )


def main(arguments: list[str]) -> int:
    chosen = _parser().parse_args(arguments)
    to_output = chosen.file == STANDARD_OUTPUT
    path = Path(chosen.file).expanduser().resolve()
    if to_output:
        before = ""
    else:
        before = _read(path)
    values = env_file.parse(before)
    if chosen.rotate or chosen.drop_old:
        return _change_keys(path, before, chosen)
    access = _access(chosen, values, may_ask=not before and sys.stdin.isatty())
    asked_for = any(flag is not None for flag in (chosen.host, chosen.https, chosen.bind))
    changes = _missing(values, access) | _of_access(
        path, values, access, asked_for=asked_for, replace=chosen.replace
    )
    after = env_file.changed(before or HEAD, changes)
    if to_output:
        sys.stdout.write(after)
    elif after != before:
        _write(path, after)
    _report(path, access, env_file.parse(after), changes, is_new=not before, to_output=to_output)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _InitParser(
        prog="manage.py init",
        description="Writes the secrets and settings that docker-compose.yml needs. What is there already is kept.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--host", help="name or address that people type into their browser (default: localhost)"
    )
    parser.add_argument(
        "--https", action=argparse.BooleanOptionalAction, help="over HTTPS, by the Caddy service"
    )
    parser.add_argument(
        "--bind",
        metavar="ADDRESS",
        help="address of this machine to listen at (0.0.0.0: all of them)",
    )
    parser.add_argument(
        "--replace", action="store_true", help="change host, HTTPS and address that the file has"
    )
    parser.add_argument(
        "--file", default=str(ROOT / ".env"), help="default: .env; - for standard output"
    )
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument(
        "--rotate", choices=env_secrets.KINDS, help="put a new key in front of the present one"
    )
    keys.add_argument("--drop-old", choices=env_secrets.KINDS, help="leave only the newest key")
    return parser


def _access(chosen: argparse.Namespace, values: Mapping[str, str], *, may_ask: bool) -> Access:
    """From the flags, else from the file, else from who sits there."""
    host, https = chosen.host, chosen.https
    if not host and may_ask:
        host = input(
            "Name or address that people will type into their browser [localhost]: "
        ).strip()
        if https is None:
            https = input("Serve it over HTTPS, through Caddy? [y/N]: ").strip().lower() in {
                "y",
                "yes",
            }
    if https is None:
        https = values.get("HTTPS_ONLY") == "true" or "https" in values.get(
            "COMPOSE_PROFILES", ""
        ).split(",")
    host = (
        host
        or values.get("SITE_HOST")
        or values.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".")
    )
    return Access(
        valid_host(host or "localhost"), https, valid_bind(chosen.bind) if chosen.bind else ""
    )


def _missing(values: Mapping[str, str], access: Access) -> dict[str, str | None]:
    wanted: dict[str, str | None] = {**env_secrets.fresh(), **access.settings()}
    return {
        name: value for name, value in wanted.items() if value is not None and not values.get(name)
    }


def _of_access(
    path: Path, values: Mapping[str, str], access: Access, *, asked_for: bool, replace: bool
) -> dict[str, str | None]:
    """What the flags ask for and the file has otherwise: refused, unless it may be replaced."""
    if not asked_for:
        return {}
    wanted = access.settings()
    other = {
        name: wanted[name]
        for name in ACCESS_NAMES
        if values.get(name) and values[name] != wanted[name]
    }
    if other and not replace:
        raise Refusal(
            f"{path} has other values for {', '.join(other)}. Add --replace to change them to what you asked for; "
            "secrets stay as they are."
        )
    return other


def _change_keys(path: Path, before: str, chosen: argparse.Namespace) -> int:
    values = env_file.parse(before)
    if chosen.rotate:
        _write(path, env_file.changed(before, env_secrets.rotated(chosen.rotate, values, path)))
        print(env_secrets.AFTER_ROTATION[chosen.rotate])
        return 0
    after = env_file.changed(before, env_secrets.newest_only(chosen.drop_old, values, path))
    backup = path.with_name(f"{path.name}.before")
    _write(backup, before)
    _write(path, after)
    print(f"{path} has the newest key only. Restart everything with it: docker compose up -d")
    print(
        f"Should something still need an old one: {backup} is the file as it was. Delete it once all works."
    )
    return 0


def _read(path: Path) -> str:
    """Empty when there is none. What others may read is closed to them."""
    try:
        text = path.read_text(encoding="utf-8")
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
            print(
                f"{path} was open to other users; it is closed to them now (mode 0600).",
                file=sys.stderr,
            )
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError):
            reason = error.strerror
        else:
            reason = "it is not text"
        raise Refusal(f"{path} cannot be read ({reason}); choose another with --file.") from None
    return text


def _write(path: Path, text: str) -> None:
    try:
        files.write_private_text(path, text)
    except OSError as error:
        raise Refusal(
            f"{path} cannot be written ({error.strerror}); choose another with --file, - for standard output."
        ) from None


def _report(
    path: Path,
    access: Access,
    values: Mapping[str, str],
    changes: Mapping[str, str | None],
    *,
    is_new: bool,
    to_output: bool,
) -> None:
    if to_output:
        lines = []
    else:
        lines = [f"{path} {_what_was_done(changes, is_new=is_new)}.", ""]
    lines += [
        "  Start    docker compose up -d --build",
        f"  Open     {access.url}",
        f"  Sign in  {values['ADMIN_USERNAME']} / {values['ADMIN_PASSWORD']}   (the first administrator)",
        "  Flower   http://127.0.0.1:5555/   " + values["FLOWER_BASIC_AUTH"].replace(":", " / ", 1),
    ]
    if not access.https and not access.is_local:
        lines += [
            "",
            "Plain HTTP: whoever is in between reads passwords. --https is the way to be reached by others.",
        ]
    print("\n".join(lines), file=sys.stderr if to_output else sys.stdout)


def _what_was_done(changes: Mapping[str, str | None], *, is_new: bool) -> str:
    if is_new:
        return "is made"
    if changes:
        return f"has new values: {', '.join(changes)}"
    return "is complete; nothing was changed"
