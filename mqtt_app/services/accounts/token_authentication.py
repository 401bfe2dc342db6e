"""`Authorization: Token ...`: the user behind it, or 401 with the reason."""

import hmac
from typing import Any

from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from mqtt_app.domain.accounts.client_address import client_address
from mqtt_app.models import ApiToken
from mqtt_app.services.accounts.tokens import note_use


class TokenAuthentication(KnoxAuthentication):  # type: ignore[misc]  # knox has no types
    """knox's, but an expired token stays where its user sees it, and whoever shows it is told."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        found: tuple[Any, ApiToken] | None = super().authenticate(request)
        if found is not None:
            note_use(found[1], client_address(request.META) or "")
        return found

    def authenticate_credentials(self, token: bytes) -> tuple[Any, ApiToken]:
        """Raises AuthenticationFailed. What it says of a token is said only to whoever has all of
        it.
        """
        text = token.decode(errors="replace")
        row = _row(text)
        if row is None:
            raise AuthenticationFailed("Invalid token.")
        if row.expiry is not None and row.expiry <= timezone.now():
            when = f"{row.expiry:%Y-%m-%d %H:%M} UTC"
            raise AuthenticationFailed(
                f"This token expired at {when}. Make a new one.", code="token_expired"
            )
        if not row.user.is_active:
            raise AuthenticationFailed("User inactive or deleted.")
        return row.user, row


def _row(text: str) -> ApiToken | None:
    """The digest is looked for among those that begin like it: the index knows nothing of the
    secret part.
    """
    digest = hash_token(text)
    key = text[: CONSTANTS.TOKEN_KEY_LENGTH].replace("\0", "")
    rows = ApiToken.objects.filter(token_key=key).select_related("user")
    return next((row for row in rows if hmac.compare_digest(row.digest, digest)), None)
