"""The secrets of a deployed installation: made, and changed for new ones in two steps. Standard
library only.
"""

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path

from project.local.refusal import Refusal

SECRET, FIELD = "secret", "field"
KINDS = (SECRET, FIELD)
AFTER_ROTATION = {
    FIELD: """\
FIELD_ENCRYPTION_KEYS has a new key in front; what is stored is still under the old one. Now:
  1. docker compose up -d                                           everything knows both keys
  2. docker compose run --rm migrate python manage.py rotate_keys   everything stored is under the new one
  3. python3 manage.py init --drop-old field                        the old one is out of the file
  4. docker compose up -d                                           and out of every process""",
    SECRET: """\
SECRET_KEY is new, and SECRET_KEY_FALLBACKS has the old one, so that nobody is logged out. Now:
  1. docker compose up -d
  2. after two weeks, when sessions signed with the old one have ended:
     python3 manage.py init --drop-old secret && docker compose up -d
If the old one is known to somebody, do the second step at once; everybody then has to log in again.""",
}


def fresh() -> dict[str, str]:
    """URL-safe letters only: they stand in URLs, and in a file that different programs read."""
    return {
        "SECRET_KEY": secret_key(),
        "FIELD_ENCRYPTION_KEYS": field_key(),
        "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        "REDIS_PASSWORD": secrets.token_urlsafe(24),
        "FLOWER_BASIC_AUTH": f"admin:{secrets.token_urlsafe(18)}",
        "FLOWER_DATABASE_PASSWORD": secrets.token_urlsafe(24),
        "ADMIN_USERNAME": "admin",
        "ADMIN_PASSWORD": secrets.token_urlsafe(18),
    }


def secret_key() -> str:
    return secrets.token_urlsafe(48)


def field_key() -> str:
    """A Fernet key."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def rotated(kind: str, values: Mapping[str, str], path: Path) -> dict[str, str | None]:
    if kind == FIELD:
        return {
            "FIELD_ENCRYPTION_KEYS": f"{field_key()},{_needed('FIELD_ENCRYPTION_KEYS', values, path)}"
        }
    old = [_needed("SECRET_KEY", values, path), *filter(None, [values.get("SECRET_KEY_FALLBACKS")])]
    return {"SECRET_KEY": secret_key(), "SECRET_KEY_FALLBACKS": ",".join(old)}


def newest_only(kind: str, values: Mapping[str, str], path: Path) -> dict[str, str | None]:
    if kind == FIELD:
        newest, *old = _needed("FIELD_ENCRYPTION_KEYS", values, path).split(",")
        if old:
            return {"FIELD_ENCRYPTION_KEYS": newest}
    elif values.get("SECRET_KEY_FALLBACKS"):
        return {"SECRET_KEY_FALLBACKS": None}
    raise Refusal(f"{path} holds no old {kind} key.")


def _needed(name: str, values: Mapping[str, str], path: Path) -> str:
    if not values.get(name):
        raise Refusal(f"{path} has no {name}; `python3 manage.py init` makes one.")
    return values[name]
