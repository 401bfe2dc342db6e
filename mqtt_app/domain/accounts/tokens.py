"""What a token may be made to allow. Pure."""

from datetime import datetime, timedelta

import msgspec

from mqtt_app.domain.access import Scope

USE_INTERVAL = timedelta(minutes=1)
"""The last use of a token is written no more often than this, so that a request stays cheap."""
LONGEST = timedelta(days=3_650)
NAME_LENGTH = 100

_RANK = {scope: rank for rank, scope in enumerate(Scope)}


class Rights(msgspec.Struct, frozen=True):
    """Of a token: at most `scope` of what its user may do, at `sites` (None: all), until `expiry`
    (None: for ever).
    """

    scope: Scope
    sites: frozenset[int] | None = None
    expiry: datetime | None = None


def narrowed(asked: Rights, maker: Rights) -> Rights:
    """What was left open is what the maker has: a token for one site makes tokens for that site."""
    return Rights(
        asked.scope,
        maker.sites if asked.sites is None else asked.sites,
        maker.expiry if asked.expiry is None else asked.expiry,
    )


def excess(asked: Rights, maker: Rights) -> str:
    """Why a token with the rights `maker` may not make, or revoke, one with those asked for; empty
    when it may.
    """
    if maker.scope is Scope.READ:
        return "A token that may only read makes and revokes no tokens."
    if _RANK[asked.scope] > _RANK[maker.scope]:
        return f"This token has the scope {maker.scope.value}; a token of scope {asked.scope.value} would allow more."
    if maker.sites is not None and (asked.sites is None or not asked.sites <= maker.sites):
        return "This token is for some sites only; the other one would reach further."
    if maker.expiry is not None and (asked.expiry is None or asked.expiry > maker.expiry):
        return "This token ends before the other one would."
    return ""


def is_use_due(last_used_at: datetime | None, now: datetime) -> bool:
    return last_used_at is None or now - last_used_at >= USE_INTERVAL
