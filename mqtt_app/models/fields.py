"""A text column that is ciphertext in the database."""

from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:
    _TextField = models.TextField


@cache
def _cipher() -> MultiFernet:
    """The first of FIELD_ENCRYPTION_KEYS encrypts, all of them decrypt: put a new key in front,
    then rotate.
    """
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])


class UndecryptableError(ValueError):
    """No key of FIELD_ENCRYPTION_KEYS fits: the value was written with a key that is gone."""


class EncryptedTextField(_TextField):
    """Fernet (AES-128-CBC + HMAC-SHA256) at rest. The empty string stays empty.

    Cannot be searched, only asked whether it is empty: whoever may search finds out letter by
    letter.
    """

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name in {"exact", "isnull"}:
            return super().get_lookup(lookup_name)
        return None

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        if prepared:
            return _cipher().encrypt(prepared.encode()).decode()
        return prepared

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        if not value:
            return value
        try:
            return _cipher().decrypt(value.encode()).decode()
        except InvalidToken:
            raise UndecryptableError(
                f"{self.name}: no key in FIELD_ENCRYPTION_KEYS decrypts this value"
            ) from None
