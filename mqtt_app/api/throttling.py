"""Guessing passwords is slow; logging in is not: only failures count.

Addresses are those of the peer, never of a header that the caller may write. Behind a proxy all peers are the proxy,
and the limit is one of each user name alone.
"""

import hashlib

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView


class LoginThrottle(SimpleRateThrottle):
    scope = "login"
    duration: int  # s; set by SimpleRateThrottle from the rate

    def get_cache_key(self, request: Request, view: APIView) -> str:
        name = str(request.data.get("username", "") if isinstance(request.data, dict) else "").lower().strip()
        ident = f"{request.META.get('REMOTE_ADDR', '')}-{hash_of(name)}"
        return self.cache_format % {"scope": self.scope, "ident": ident}

    def throttle_success(self) -> bool:
        return True

    def count_failure(self) -> None:
        if self.key is None:
            return
        self.history.insert(0, self.now)
        self.cache.set(self.key, self.history, self.duration)


def hash_of(name: str) -> str:
    """A cache key must be short and free of odd characters, whatever was typed."""
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()[:24]
