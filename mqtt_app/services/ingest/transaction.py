"""Work that stores messages, in one transaction, done again when another one came in between."""

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec
from django.db import transaction

from mqtt_app.domain.delivery.faults import Fault
from mqtt_app.services.ingest.faults import StaleError, fault_of
from mqtt_app.services.ingest.memory import PROCESS, Draft

ATTEMPTS = 4  # of a batch that met another one in a deadlock, or a change of what was remembered

Result = TypeVar("Result")


class StoreAttempt(msgspec.Struct, frozen=True):
    """`careful`: something was refused before, so find out what, under savepoints."""

    memory: Draft
    careful: bool


class Done(msgspec.Struct, Generic[Result], frozen=True):
    """`is_stale`: a row was not as it was remembered, so nothing of it may be committed."""

    result: Result
    is_stale: bool = False


def commit(work: Callable[[StoreAttempt], Done[Result]], *, believes: bool = True) -> Result:
    """The result of `work`, committed. `believes`: remembered rows are used, which is right only
    for work that finds out when they are stale. Raises what is no message's fault.
    """
    careful = False
    for _ in range(ATTEMPTS - 1):
        try:
            done = _attempt(
                work, StoreAttempt(Draft(PROCESS, believes=believes and not careful), careful)
            )
        except Exception as error:
            fault = fault_of(error)
            if fault is Fault.AWAY or (careful and fault is not Fault.CONFLICT):
                raise
            careful = careful or fault is not Fault.CONFLICT
        else:
            if not done.is_stale:
                return done.result
    done = _attempt(work, StoreAttempt(Draft(PROCESS, believes=False), careful=True))
    if done.is_stale:
        raise StaleError
    return done.result


def _attempt(work: Callable[[StoreAttempt], Done[Result]], attempt: StoreAttempt) -> Done[Result]:
    """Rolled back when it is stale, or raises."""
    with transaction.atomic():
        done = work(attempt)
        if done.is_stale:
            transaction.set_rollback(True)
    if done.is_stale:
        PROCESS.forget_rows()
    else:
        attempt.memory.keep()
    return done
