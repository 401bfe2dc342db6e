"""Tokens: made, used, revoked. The text of a token exists once, in the answer that gives it away."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from mqtt_app.conf import config
from mqtt_app.domain.access import Scope
from mqtt_app.domain.accounts import tokens as rules
from mqtt_app.domain.accounts.tokens import Rights
from mqtt_app.models import ApiToken
from mqtt_app.services import audit

log = logging.getLogger(__name__)
EXPIRED_SHOWN = timedelta(
    days=30
)  # an expired token is listed for so long, so that its user sees what happened


class NotPermitted(Exception):
    """The token that a request came with does not reach so far. The text says why."""


class TooManyTokens(ValidationError):
    """A user has as many tokens as there may be."""


def tokens_of(user: AbstractBaseUser) -> QuerySet[ApiToken]:
    mine: QuerySet[ApiToken] = ApiToken.objects.filter(user_id=user.pk)
    return mine.order_by("-created", "-id")


def rights_of(token: ApiToken) -> Rights:
    if token.site_ids is None:
        sites = None
    else:
        sites = frozenset(token.site_ids)
    return Rights(Scope(token.scope), sites, token.expiry)


@transaction.atomic
def make(
    user: AbstractBaseUser,
    name: str,
    asked: Rights,
    *,
    by: ApiToken | None = None,
    now: datetime | None = None,
) -> tuple[ApiToken, str]:
    """A new token and its text, which is nowhere else. `by`: the token that the request came with.

    Raises NotPermitted where it would allow more than `by`, TooManyTokens past the limit.
    """
    now = now or timezone.now()
    if by is not None:
        asked = rules.narrowed(asked, rights_of(by))
        _permit(asked, by)
    _make_room(user, now)
    digest, text = get_digest_token()
    token = ApiToken(
        user_id=user.pk,
        digest=digest,
        token_key=text[: CONSTANTS.TOKEN_KEY_LENGTH],
        name=name,
        scope=asked.scope.value,
        site_ids=None if asked.sites is None else sorted(asked.sites),
        expiry=asked.expiry,
    )
    token.save(force_insert=True)
    audit.record("created", token, after=_described(token))
    return token, text


@transaction.atomic
def revoke(token: ApiToken, *, by: ApiToken | None = None) -> None:
    """Raises NotPermitted. A token may always revoke itself."""
    if by is not None and by.pk != token.pk:
        _permit(rights_of(token), by)
    audit.record("revoked", token, before=_described(token))
    token.delete()


def revoke_all(tokens: Iterable[ApiToken]) -> int:
    found = list(tokens)
    for token in found:
        revoke(token)
    return len(found)


def note_use(token: ApiToken, address: str) -> None:
    """When and from where a token was used last. Never fails the request that it is used for."""
    now = timezone.now()
    if not rules.is_use_due(token.last_used_at, now):
        return
    due = Q(last_used_at=None) | Q(last_used_at__lte=now - rules.USE_INTERVAL)
    try:
        with transaction.atomic():
            ApiToken.objects.filter(due, pk=token.pk).update(
                last_used_at=now, last_used_address=address or None
            )
    except DatabaseError as error:
        log.warning("The last use of a token could not be written: %s", error)


def _permit(asked: Rights, by: ApiToken) -> None:
    why_not = rules.excess(asked, rights_of(by))
    if why_not:
        raise NotPermitted(why_not)


def _make_room(user: AbstractBaseUser, now: datetime) -> None:
    mine = ApiToken.objects.filter(user_id=user.pk)
    mine.filter(expiry__lt=now - EXPIRED_SHOWN).delete()
    if mine.count() < config().tokens_per_user:
        return
    if not mine.filter(expiry__lt=now).delete()[0]:
        raise TooManyTokens(
            f"There are {config().tokens_per_user} tokens of this user, which is the limit. Revoke some first.",
            code="too_many",
        )


def _described(token: ApiToken) -> dict[str, object]:
    return {
        "name": token.name,
        "scope": token.scope,
        "site_ids": token.site_ids,
        "expiry": None if token.expiry is None else token.expiry.isoformat(timespec="seconds"),
    }
