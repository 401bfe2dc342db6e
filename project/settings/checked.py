"""Reading the environment so that a bad value is one clear sentence at start-up, not a traceback an hour later."""

import dataclasses
import os
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from mqtt_app.conf import Config


def text(env: environ.Env, name: str, *, minimum: int) -> str:
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. `python3 manage.py up` makes one; elsewhere set it yourself.")
    if len(value) < minimum:
        raise ImproperlyConfigured(f"{name} has {len(value)} characters; use at least {minimum} random ones.")
    return value


def fernet_keys(env: environ.Env, name: str) -> list[str]:
    keys: list[str] = [key.strip() for key in text(env, name, minimum=44).split(",") if key.strip()]
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError:
            raise ImproperlyConfigured(
                f"{name}: key {number} is not a Fernet key (32 bytes, url-safe base64). Make one with: "
                'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
            ) from None
    return keys


def count(env: environ.Env, name: str, *, default: int) -> int:
    value: str = env.str(name, default=str(default))
    if not (value.isascii() and value.isdigit() and int(value) < 100_000):
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.")
    return int(value)


def redis_url(env: environ.Env, name: str) -> str:
    value: str = env.str(name, default="")
    try:
        parts = urlsplit(value)
        valid = parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ImproperlyConfigured(f"{name} must look like redis://[:password@]host:6379/0.")
    return value


def database(env: environ.Env, name: str) -> dict[str, Any]:
    """PostgreSQL only: COPY, partitions, advisory locks and conditional updates carry the product."""
    value: str = env.str(name, default="")
    if urlsplit(value).scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"{name} must look like postgres://user:password@host:5432/name (PostgreSQL 14+).")
    try:
        found: dict[str, Any] = environ.Env.db_url_config(value)
    except ValueError:  # its message may hold a part of the password
        raise ImproperlyConfigured(
            f"{name} cannot be read. It must look like postgres://user:password@host:5432/name, with the characters "
            "/ ? # [ ] @ : % of a password escaped (as %2F, %3F, ...)."
        ) from None
    # Django itself prepares nothing with this, see mqtt_app/services/pg_statements.py.
    prepared = {"prepare_threshold": 0} if env.bool("DATABASE_PREPARED_STATEMENTS", default=True) else {}
    options = {"connect_timeout": 5, **prepared, **found.get("OPTIONS", {})}
    return {**found, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


def knobs() -> dict[str, Any]:
    """Every SITEWIRE_* variable as a field of Config, converted to the field's type. Unknown names are refused."""
    hints = get_type_hints(Config)
    fields = {f"SITEWIRE_{field.name.upper()}": field.name for field in dataclasses.fields(Config)}
    given = sorted(name for name in os.environ if name.startswith("SITEWIRE_"))
    unknown = [name for name in given if name not in fields]
    if unknown:
        raise ImproperlyConfigured(f"Unknown setting {', '.join(unknown)}. Known: {', '.join(sorted(fields))}.")
    return {fields[name]: _convert(name, os.environ[name], hints[fields[name]]) for name in given}


def _convert(name: str, value: str, kind: Any) -> Any:
    try:
        if kind == tuple[str, ...]:
            return tuple(part.strip() for part in value.split(",") if part.strip())
        if kind == tuple[int, ...]:
            return tuple(int(part) for part in value.split(",") if part.strip())
        converted = kind(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a {getattr(kind, '__name__', kind)}.") from None
    if isinstance(converted, (int, float)) and not 0 < converted < float("inf"):
        raise ImproperlyConfigured(f"{name}={value!r} must be a number above 0.")
    return converted
