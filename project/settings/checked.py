"""Reading the environment so that a bad value is one clear sentence at start-up, not a traceback an
hour later.
"""

import dataclasses
import difflib
import os
import re
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import unquote, urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from mqtt_app.conf import Config
from mqtt_app.domain.accounts.proxies import TrustedProxies, parse_proxies
from mqtt_app.domain.link.broker_settings import problems

MAKE_SECRETS = "`python3 manage.py init` makes one"
PREFIX = "SITEWIRE_"
TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")

_HOST = re.compile(
    r"\.?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?", re.I
)
_IPV6 = re.compile(r"\[[0-9a-f:.]+\]", re.I)


def text(env: environ.Env, name: str, *, minimum: int) -> str:
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set; {MAKE_SECRETS}.")
    if len(value) < minimum:
        raise ImproperlyConfigured(
            f"{name} has {len(value)} characters, at least {minimum} are needed; {MAKE_SECRETS}."
        )
    return value


def words(env: environ.Env, name: str, *, default: Sequence[str] = ()) -> list[str]:
    """A list, separated by commas; blanks around the parts do not count."""
    value: str = env.str(name, default=",".join(default))
    return [part.strip() for part in value.split(",") if part.strip()]


def old_secret_keys(env: environ.Env, name: str) -> list[str]:
    keys = words(env, name)
    for number, key in enumerate(keys, 1):
        if len(key) < 32:
            raise ImproperlyConfigured(
                f"{name}: key {number} has {len(key)} characters; no SECRET_KEY was so short."
            )
    return keys


def fernet_keys(env: environ.Env, name: str) -> list[str]:
    keys = [key.strip() for key in text(env, name, minimum=44).split(",") if key.strip()]
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError:
            raise ImproperlyConfigured(
                f"{name}: key {number} is not a Fernet key (32 bytes, url-safe base64); {MAKE_SECRETS}."
            ) from None
    if not keys:
        raise ImproperlyConfigured(f"{name} holds no key; {MAKE_SECRETS}.")
    return keys


def count(env: environ.Env, name: str, *, default: int, most: int = 99_999) -> int:
    value: str = env.str(name, default=str(default)).strip()
    if not (value.isascii() and value.isdigit() and len(value) <= 12 and int(value) <= most):
        raise ImproperlyConfigured(
            f"{name} must be a whole number from 0 to {most}, not {value!r}."
        )
    return int(value)


def flag(env: environ.Env, name: str, *, default: bool) -> bool:
    return _boolean(name, env.str(name, default=str(default)))


def folder(env: environ.Env, name: str, *, default: Path) -> Path:
    value: str = env.str(name, default=str(default))
    if not value.strip() or "\0" in value:
        raise ImproperlyConfigured(
            f"{name} must be the path of a folder; leave it out for {default}."
        )
    path = Path(value).expanduser()
    if path.exists() and not path.is_dir():
        raise ImproperlyConfigured(f"{name}={value!r} is not a folder.")
    return path


def file(env: environ.Env, name: str) -> Path | None:
    """A file that may have to be made yet; its folder is there."""
    value: str = env.str(name, default="")
    if not value:
        return None
    path = Path(value)
    if "\0" in value or path.is_dir() or not path.parent.is_dir():
        raise ImproperlyConfigured(f"{name}={value!r} must be a file in a folder that is there.")
    return path


def hosts(env: environ.Env, name: str, *, default: Sequence[str] = ()) -> list[str]:
    """Names that requests may ask for, in Django's form: `.example.com` stands for it and all below
    it.
    """
    found = words(env, name, default=default)
    for host in found:
        if "://" in host or (":" in host and not _IPV6.fullmatch(host)):
            raise ImproperlyConfigured(
                f"{name}: {host!r} must be a name alone, without scheme and port ([::1] for IPv6)."
            )
        if host != "*" and not _IPV6.fullmatch(host) and not _HOST.fullmatch(host):
            raise ImproperlyConfigured(
                f"{name}: {host!r} is not a host name; .example.com stands for all below it."
            )
    return found


def origins(env: environ.Env, name: str) -> list[str]:
    found = words(env, name)
    for origin in found:
        parts = _split(origin)
        if (
            parts is None
            or parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.path not in {"", "/"}
        ):
            raise ImproperlyConfigured(
                f"{name}: {origin!r} must look like https://sitewire.example.com."
            )
    return found


def proxies(env: environ.Env, name: str) -> TrustedProxies:
    try:
        return parse_proxies(words(env, name))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from None


def redis_url(env: environ.Env, name: str) -> str:
    value: str = env.str(name, default="")
    parts = _split(value)
    valid = parts is not None and parts.scheme in {"redis", "rediss"} and bool(parts.hostname)
    if not valid or parts is None or not re.fullmatch(r"/?|/\d{1,4}", parts.path):
        raise ImproperlyConfigured(f"{name} must look like redis://[:password@]host:6379/0.")
    return value


def database(env: environ.Env, name: str) -> dict[str, Any]:
    """PostgreSQL only: COPY, partitions, advisory locks and conditional updates carry the product."""
    value: str = env.str(name, default="")
    parts = _split(value)
    if (
        parts is None
        or parts.scheme not in {"postgres", "postgresql"}
        or not unquote(parts.path).strip("/")
    ):
        raise ImproperlyConfigured(
            f"{name} must look like postgres://user:password@host:5432/name (PostgreSQL 14+)."
        )
    try:
        found: dict[str, Any] = environ.Env.db_url_config(value)
    except ValueError:  # its message may hold a part of the password
        raise ImproperlyConfigured(
            f"{name} cannot be read. It must look like postgres://user:password@host:5432/name, with the characters "
            "/ ? # [ ] @ : % of a password escaped (as %2F, %3F, ...)."
        ) from None
    # Django itself prepares nothing with this, see mqtt_app/services/postgres/statements.py.
    prepared = (
        {"prepare_threshold": 0} if flag(env, "DATABASE_PREPARED_STATEMENTS", default=True) else {}
    )
    options = {"connect_timeout": 5, **prepared, **found.get("OPTIONS", {})}
    return {**found, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


def mail(env: environ.Env, url: str, sender: str) -> dict[str, Any]:
    """Django's EMAIL_* settings of smtp://user:password@host:port, +tls (STARTTLS) or +ssl; empty
    for no e-mail.
    """
    value: str = env.str(url, default="")
    if not value:
        return {}
    try:
        parts = urlsplit(value)
        valid = (
            parts.scheme in {"smtp", "smtp+tls", "smtp+ssl"}
            and bool(parts.hostname)
            and parts.port != 0
        )
    except ValueError:
        valid = False
    if not valid:
        raise ImproperlyConfigured(
            f"{url} must look like smtp+tls://user:password@host:587 (or smtp://, smtp+ssl://)."
        )
    address: str = env.str(sender, default="")
    if "@" not in address:
        raise ImproperlyConfigured(
            f"{sender} must be the address that e-mails come from, as {url} is set."
        )
    config: dict[str, Any] = environ.Env.email_url_config(value)
    return {**config, "EMAIL_TIMEOUT": 10, "DEFAULT_FROM_EMAIL": address}


def knobs() -> dict[str, Any]:
    """Every SITEWIRE_* variable as a field of Config, converted to the field's type. Unknown names
    are refused.
    """
    hints = get_type_hints(Config)
    fields = {PREFIX + field.name.upper(): field.name for field in dataclasses.fields(Config)}
    given = sorted(name for name in os.environ if name.startswith(PREFIX))
    unknown = [name for name in given if name not in fields]
    if unknown:
        raise ImproperlyConfigured(" ".join(_unknown(name, list(fields)) for name in unknown))
    values = {
        fields[name]: _convert(name, os.environ[name].strip(), hints[fields[name]])
        for name in given
    }
    _check_brokers(values)
    return values


def _check_brokers(values: dict[str, Any]) -> None:
    """A worker with a guard that cannot be read must not start."""
    knobs = Config(**values)
    found = list(problems(knobs.broker_allow, knobs.broker_private, knobs.own_services))
    if found:
        raise ImproperlyConfigured(" ".join(found))


def _unknown(name: str, known: list[str]) -> str:
    endings = {full.removeprefix(PREFIX): full for full in known}
    near = difflib.get_close_matches(name.removeprefix(PREFIX), endings, n=1)
    meant = f"did you mean {endings[near[0]]}?" if near else "mqtt_app/conf.py lists them all."
    return f"{name} is not a setting; {meant}"


def _split(value: str) -> Any:
    """None for what is no URL, a port out of range included."""
    try:
        parts = urlsplit(value)
        return None if parts.port == 0 else parts
    except ValueError:
        return None


def _boolean(name: str, value: str) -> bool:
    word = value.strip().lower()
    if word not in TRUE + FALSE:
        raise ImproperlyConfigured(f"{name}={value!r} is neither true nor false.")
    return word in TRUE


def _convert(name: str, value: str, kind: Any) -> Any:
    if kind is bool:
        return _boolean(name, value)
    if get_origin(kind) is Literal:
        return _choice(name, value, get_args(kind))
    if get_origin(kind) is tuple:
        return tuple(
            _single(name, part.strip(), get_args(kind)[0])
            for part in value.split(",")
            if part.strip()
        )
    return _single(name, value, kind)


def _choice(name: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r} must be one of: {', '.join(choices)}.")
    return value


def _single(name: str, value: str, kind: Any) -> Any:
    try:
        converted = kind(value)
    except ValueError:
        if isinstance(kind, type) and issubclass(kind, Enum):
            choices = ", ".join(str(choice.value) for choice in kind)
            raise ImproperlyConfigured(
                f"{name}={value!r} is not known. Use one of: {choices}."
            ) from None
        expected = {int: "a whole number", float: "a number"}.get(
            kind, f"a {getattr(kind, '__name__', kind)}"
        )
        raise ImproperlyConfigured(f"{name}={value[:80]!r} is not {expected}.") from None
    if isinstance(converted, (int, float)) and not 0 < converted < float("inf"):
        raise ImproperlyConfigured(f"{name}={value!r} must be a number above 0.")
    return converted
