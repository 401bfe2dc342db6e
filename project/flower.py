"""Flower's password goes through the same counters as every other log-in.

Flower checks its basic authentication itself, as often as anybody likes to guess. A request that
brings credentials is judged before Flower sees it: 429 while its name or address is locked, counted
when it is wrong. Requests without credentials are no tries; Flower answers them with 401.
"""

import functools
import hmac
import logging
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any

import msgspec
from django.db import Error as DatabaseError
from django.db import close_old_connections
from flower.api import BaseApiHandler
from flower.views import BaseHandler

from mqtt_app.domain.audit import Actor, Source
from mqtt_app.services import audit
from mqtt_app.services.accounts import login_throttle
from mqtt_app.services.accounts.login_throttle import LoginRefused

log = logging.getLogger(__name__)
GUARDED = (
    BaseHandler,
    BaseApiHandler,
)  # every handler of Flower's derives its `prepare` from one of them


class Answer(msgspec.Struct, frozen=True):
    """Why a request goes no further."""

    status: HTTPStatus
    text: str
    retry_after: int


UNKNOWN = Answer(
    HTTPStatus.SERVICE_UNAVAILABLE, "Log-ins cannot be counted: the database does not answer.", 5
)


@functools.cache
def guard() -> None:
    """From now on every handler of Flower counts log-ins."""
    for handler in GUARDED:
        handler.prepare = _counted(handler.prepare)


def _counted(prepare: Callable[[Any], Any]) -> Callable[[Any], Awaitable[None]]:
    @functools.wraps(prepare)
    async def counted(handler: Any) -> None:
        answer = await _judged(handler)
        if answer is None:
            found = prepare(handler)
            if found is not None:
                await found
            return
        handler.set_status(answer.status)
        handler.set_header("Retry-After", str(answer.retry_after))
        handler.set_header("Content-Type", "text/plain; charset=UTF-8")
        handler.finish(f"{answer.text}\n")

    return counted


async def _judged(handler: Any) -> Answer | None:
    """Everything slow happens in a thread: Flower has one loop for all requests."""
    app, header = handler.application, handler.request.headers.get("Authorization", "")
    if not (header and app.options.basic_auth):
        return None
    work = functools.partial(judge, header, app.options.basic_auth, peer_of(handler.request))
    answer: Answer | None = await app.io_loop.run_in_executor(app.executor, work)
    return answer


def judge(header: str, known: Iterable[str], address: str) -> Answer | None:
    """Count this try; None when it may go on to Flower, which refuses a wrong one by itself."""
    typed = credentials_in(header)
    right = any(
        [hmac.compare_digest(typed.encode(), each.encode()) for each in known]
    )  # all, in equal time
    name = typed.partition(":")[0]
    close_old_connections()
    try:
        with audit.acting_as(Actor(Source.PAGE, user_name="Flower", address=address or None)):
            login_throttle.judge(login_throttle.of_login(name, address), right=right)
    except LoginRefused as refused:
        return Answer(HTTPStatus.TOO_MANY_REQUESTS, str(refused.message), refused.retry_after)
    except DatabaseError as error:
        log.warning("A log-in at Flower was refused: %s", error)
        return UNKNOWN
    finally:
        close_old_connections()
    return None


def credentials_in(header: str) -> str:
    """`user:password` of a basic authentication; empty for anything else, which is a wrong try as
    well.
    """
    kind, _, encoded = header.strip().partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return b64decode(encoded.strip()).decode()
    except ValueError:
        return ""


def peer_of(request: Any) -> str:
    """Who holds the connection. Headers are not asked: anybody may write them."""
    context = request.connection.context
    address = context.address
    if isinstance(address, tuple):
        return str(address[0])
    return ""
