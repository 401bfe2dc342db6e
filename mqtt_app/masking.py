"""The secrets of this installation, kept out of log lines, log rows and error pages."""

import os
from functools import cache
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings

from mqtt_app.domain import masking


def masked(text: str) -> str:
    """Without keys and passwords of the installation, and without what looks like a secret."""
    return masking.masked(text, _secrets())


@cache
def _secrets() -> frozenset[str]:
    flower = os.environ.get("FLOWER_BASIC_AUTH", "").partition(":")[2]
    passwords = {
        str(settings.DATABASES["default"].get("PASSWORD") or ""),
        _password(settings.REDIS_URL),
        flower,
    }
    known = {settings.SECRET_KEY, *settings.FIELD_ENCRYPTION_KEYS, *passwords}
    return frozenset(
        form for secret in known for form in (secret, quote(secret, safe="")) if secret
    )


def _password(url: str) -> str:
    return unquote(urlsplit(url).password or "")
