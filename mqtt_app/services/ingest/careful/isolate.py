"""The careful way to store a batch: whatever in it is refused, by the database or by our own code,
is found by halving.

    all ──► connections, halved until those that are refused are alone ──► their messages, halved ──► a dead letter

Each part is stored under a savepoint, so that what is refused leaves nothing behind, and its
neighbours stay stored. The number of parts is about twice the logarithm of the batch's size for
each message at fault. A connection of which so many are refused that this would hold up the others
is postponed as a whole: its owner brings its messages again, few at a time and by themselves.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec
from django.db import connection, transaction

from mqtt_app.domain.delivery.faults import Fault, are_few
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.services import accounting
from mqtt_app.services.dead_letters import parser_health
from mqtt_app.services.ingest import failures
from mqtt_app.services.ingest.faults import fault_of

PARTS = 200  # parts tried of one batch before a connection that goes on being refused is postponed
SECONDS = 30.0  # the same in time: the statements of a part may take long
SMALL = 64  # messages of a connection that may be told apart in as many parts as it takes
_LIMITS = "SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL statement_timeout = '5s'"


class Store(Protocol):
    """Stores a part of the batch. `whole`: it has all messages of its connections."""

    def __call__(self, messages: Sequence[Envelope], *, whole: bool) -> None: ...


GiveUp = Callable[[Envelope, Exception], None]
"""What becomes of a message that is at fault."""


class Findings(msgspec.Struct):
    """Connections: `refused` had messages at fault; `postponed` were left for another time as a
    whole.
    """

    refused: set[int] = msgspec.field(default_factory=set)
    postponed: set[int] = msgspec.field(default_factory=set)


class _TooCostly(Exception):
    """This connection's messages cannot be told apart within the budget."""


def limit_statements() -> None:
    """First in the transaction: constraints are checked within the part that breaks them, and no
    statement hangs.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LIMITS)


@contextmanager
def undone_on_failure(forget: Callable[[], None]) -> Iterator[None]:
    """A savepoint, for the database and for what this process counts by the minute."""
    memories: tuple[dict[Any, Any], ...] = (
        accounting.rows_by_minute,
        failures.minute_of,
        parser_health.parsed_by,
    )
    before = [dict(memory) for memory in memories]
    try:
        with transaction.atomic():
            yield
    except BaseException:
        forget()
        for memory, copy in zip(memories, before, strict=True):
            memory.clear()
            memory.update(copy)
        raise


class Isolation:
    """`patient`: nobody waits for these messages, so no connection is postponed. `insist`: they
    failed so often that one message alone is at fault, even where nothing else shows that others
    get through.
    """

    def __init__(
        self,
        store: Store,
        give_up: GiveUp,
        forget: Callable[[], None],
        *,
        patient: bool = False,
        insist: bool = False,
    ) -> None:
        self._store, self._give_up, self._forget = store, give_up, forget
        self._patient, self._insist = patient, insist
        self._tried = self._stored = 0
        self._deadline = time.monotonic() + SECONDS
        self._unexplained: list[tuple[Envelope, Exception]] = []
        self.findings = Findings()

    def run(self, messages: Sequence[Envelope]) -> None:
        """Raises what is no message's fault."""
        by_connection: dict[int, list[Envelope]] = {}
        for message in messages:
            by_connection.setdefault(message.connection_id, []).append(message)
        if by_connection:
            self._connections(list(by_connection.values()))
        self._settle_unexplained(len(messages))

    def _connections(self, groups: Sequence[Sequence[Envelope]]) -> None:
        error = self._try([message for group in groups for message in group], whole=True)
        if error is None:
            return
        if self._is_spent():
            self._check_for_witness(error)
            self._postpone({group[0].connection_id for group in groups})
        elif len(groups) > 1:
            middle = len(groups) // 2
            self._connections(groups[:middle])
            self._connections(groups[middle:])
        else:
            self._one_connection(groups[0], error)

    def _one_connection(self, messages: Sequence[Envelope], error: Exception) -> None:
        connection_id, stored = messages[0].connection_id, self._stored
        unexplained: list[tuple[Envelope, Exception]] = []
        try:
            with undone_on_failure(self._forget):
                self._halve(messages, error, unexplained, large=len(messages) > SMALL)
                if not are_few(len(unexplained), len(messages)):
                    raise _TooCostly
        except _TooCostly:
            self._stored = stored
            if self._patient:
                raise error from None
            self._check_for_witness(error)
            self._postpone({connection_id})
        else:
            self._unexplained += unexplained
            self.findings.refused.add(connection_id)

    def _halve(
        self,
        messages: Sequence[Envelope],
        error: Exception,
        unexplained: list[tuple[Envelope, Exception]],
        *,
        large: bool,
    ) -> None:
        """These were refused together. `large`: the number of parts is limited."""
        if len(messages) == 1:
            if fault_of(error) is Fault.CONTENT:
                self._give_up(messages[0], error)
            else:
                unexplained.append((messages[0], error))
            return
        middle = len(messages) // 2
        for half in (messages[:middle], messages[middle:]):
            if self._is_spent(large=large):
                raise _TooCostly
            refusal = self._try(half, whole=False)
            if refusal is not None:
                self._halve(half, refusal, unexplained, large=large)

    def _try(self, messages: Sequence[Envelope], *, whole: bool) -> Exception | None:
        """Store them; what is in the way, when that may be one of them. Raises what is no message's
        fault.
        """
        self._tried += 1
        try:
            with undone_on_failure(self._forget):
                self._store(messages, whole=whole)
        except Exception as error:
            if fault_of(error) in {Fault.AWAY, Fault.CONFLICT}:
                raise
            return error
        self._stored += 1
        return None

    def _settle_unexplained(self, messages: int) -> None:
        """A fault of a kind that is not known as a message's is one only if others got through it."""
        for message, error in self._unexplained:
            if not self._stored and not (self._insist and messages == 1):
                raise error
            self._give_up(message, error)

    def _postpone(self, connection_ids: set[int]) -> None:
        self.findings.refused |= connection_ids
        self.findings.postponed |= connection_ids

    def _check_for_witness(self, error: Exception) -> None:
        """Raises it when nothing got through, and it may well be that nothing can."""
        if fault_of(error) is Fault.UNKNOWN and not self._stored:
            raise error

    def _is_spent(self, *, large: bool = True) -> bool:
        if self._patient:
            return False
        return (large and self._tried >= PARTS) or time.monotonic() >= self._deadline
