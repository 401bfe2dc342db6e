"""The careful way to store messages: whatever of them is refused, by the database or by our own
code, is found by halving.

    all ──► connections, halved until those that are refused are alone ──► their messages, halved ──► a dead letter

Each part is stored under a savepoint, so that what is refused leaves nothing behind, and its
neighbours stay stored. The number of parts is about twice the logarithm of the batch's size for
each message at fault. A connection of which so many are refused that this would hold up the others
is postponed as a whole: its owner brings its messages again, few at a time and by themselves.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from django.db import connection, transaction

from mqtt_app.domain.delivery.faults import Fault, are_few
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.services.ingest.faults import StaleError, fault_of
from mqtt_app.services.ingest.run import Run, savepoint
from mqtt_app.services.ingest.transaction import ATTEMPTS

PARTS = 200  # parts tried of one batch before a connection that goes on being refused is postponed
SECONDS = 30.0  # the same in time: the statements of a part may take long
SMALL = 64  # messages of a connection that are taken apart in as many parts as it takes
_LIMITS = "SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL statement_timeout = '5s'"


class Store(Protocol):
    """Stores a part of the batch. `whole`: it has all messages of its connections. False when a row
    was not as it was found: nothing of it may stay.
    """

    def __call__(self, messages: Sequence[Envelope], run: Run, *, whole: bool) -> bool: ...


GiveUp = Callable[[Envelope, Exception, Run], None]
"""What becomes of a message that is at fault."""


class RefusedMessage(msgspec.Struct, frozen=True):
    """A message that is refused by itself."""

    message: Envelope
    error: Exception


class _TooCostly(Exception):
    """The messages at fault of this connection cannot be found within the budget."""


def limit_statements() -> None:
    """First in the transaction: constraints are checked within the part that breaks them, and no
    statement hangs.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LIMITS)


class Isolation:
    """`patient`: nobody waits for these messages, so no connection is postponed. `insist`: they
    failed so often that one message alone is at fault, even where nothing else shows that others
    get through.
    """

    def __init__(
        self, store: Store, give_up: GiveUp, *, patient: bool = False, insist: bool = False
    ) -> None:
        self._store = store
        self._give_up = give_up
        self._patient = patient
        self._insist = insist
        self._tried = 0
        self._stored = 0
        self._deadline = time.monotonic() + SECONDS
        self._unexplained: list[RefusedMessage] = []

    def run(self, messages: Sequence[Envelope], run: Run) -> None:
        """Raises what is no message's fault."""
        by_connection: dict[int, list[Envelope]] = {}
        for message in messages:
            by_connection.setdefault(message.connection_id, []).append(message)
        if by_connection:
            self._connections(list(by_connection.values()), run)
        self._judge_unexplained(len(messages), run)

    def _connections(self, groups: Sequence[Sequence[Envelope]], run: Run) -> None:
        error = self._try([message for group in groups for message in group], run, whole=True)
        if error is None:
            return
        if self._is_spent():
            self._check_for_witness(error)
            _postpone({group[0].connection_id for group in groups}, run)
        elif len(groups) > 1:
            middle = len(groups) // 2
            self._connections(groups[:middle], run)
            self._connections(groups[middle:], run)
        else:
            self._one_connection(groups[0], error, run)

    def _one_connection(self, messages: Sequence[Envelope], error: Exception, run: Run) -> None:
        connection_id = messages[0].connection_id
        stored_before = self._stored
        unexplained: list[RefusedMessage] = []
        try:
            with savepoint(run) as part:
                self._halve(messages, error, unexplained, part, large=len(messages) > SMALL)
                if not are_few(len(unexplained), len(messages)):
                    raise _TooCostly
        except _TooCostly:
            self._stored = stored_before
            if self._patient:
                raise error from None
            self._check_for_witness(error)
            _postpone({connection_id}, run)
        else:
            self._unexplained += unexplained
            run.refused.add(connection_id)

    def _halve(
        self,
        messages: Sequence[Envelope],
        error: Exception,
        unexplained: list[RefusedMessage],
        run: Run,
        *,
        large: bool,
    ) -> None:
        """These were refused together. `large`: the number of parts is limited."""
        if len(messages) == 1:
            if fault_of(error) is Fault.CONTENT:
                self._give_up(messages[0], error, run)
            else:
                unexplained.append(RefusedMessage(messages[0], error))
            return
        middle = len(messages) // 2
        for half in (messages[:middle], messages[middle:]):
            if self._is_spent(large=large):
                raise _TooCostly
            refusal = self._try(half, run, whole=False)
            if refusal is not None:
                self._halve(half, refusal, unexplained, run, large=large)

    def _try(self, messages: Sequence[Envelope], run: Run, *, whole: bool) -> Exception | None:
        """Store them; what is in the way, when that may be one of them. Raises what is no message's
        fault.
        """
        self._tried += 1
        try:
            self._store_current(messages, run, whole=whole)
        except Exception as error:
            if fault_of(error) in {Fault.AWAY, Fault.CONFLICT}:
                raise
            return error
        self._stored += 1
        return None

    def _store_current(self, messages: Sequence[Envelope], run: Run, *, whole: bool) -> None:
        """Raises StaleError when rows change again and again meanwhile."""
        for _ in range(ATTEMPTS):
            part = run.part()
            with transaction.atomic():
                is_current = self._store(messages, part, whole=whole)
                if not is_current:
                    transaction.set_rollback(True)
            if is_current:
                run.accept(part)
                return
        raise StaleError

    def _judge_unexplained(self, messages: int, run: Run) -> None:
        """A fault of a kind that is not known as a message's is one only if others got through it."""
        for refusal in self._unexplained:
            if not self._stored and not (self._insist and messages == 1):
                raise refusal.error
            self._give_up(refusal.message, refusal.error, run)

    def _check_for_witness(self, error: Exception) -> None:
        """Raises it when nothing got through, and it may well be that nothing can."""
        if fault_of(error) is Fault.UNKNOWN and not self._stored:
            raise error

    def _is_spent(self, *, large: bool = True) -> bool:
        if self._patient:
            return False
        return (large and self._tried >= PARTS) or time.monotonic() >= self._deadline


def _postpone(connection_ids: set[int], run: Run) -> None:
    run.refused |= connection_ids
    run.postponed |= connection_ids
