"""A message that is refused wherever it is to be stored becomes a dead letter, in the best form
that is taken.

The first form is the message as it came. Where even that is refused, its text is escaped, then its
log row is left out, and in the end it is only counted: nothing that a message holds makes its batch
fail for ever.
"""

import logging
from collections.abc import Callable, Sequence

import msgspec

from mqtt_app.domain.delivery.faults import Fault
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.ingest.samples import escaped
from mqtt_app.domain.ingest.times import is_plausible
from mqtt_app.models import DeadLetterReason
from mqtt_app.services import accounting
from mqtt_app.services.dead_letters import rows
from mqtt_app.services.dead_letters.parsing_log import ParseFailure, log_failures
from mqtt_app.services.ingest.admission.redeliveries import admit, current, remember
from mqtt_app.services.ingest.announce import announce
from mqtt_app.services.ingest.faults import as_parse_error, fault_of
from mqtt_app.services.ingest.run import Run, savepoint
from mqtt_app.services.postgres.statements import send
from mqtt_app.services.problems.parsing import count_failures

log = logging.getLogger(__name__)

MAX_TOPIC = 1_000  # characters of a topic that is written in escaped form
REFUSED = "refused"  # reason of a drop: neither the message nor any form of it could be written


def give_up(message: Envelope, error: Exception, run: Run) -> None:
    """Raises what is not the message's fault."""
    failure = ParseFailure(message, "", as_parse_error(error))
    for form in _FORMS:
        try:
            with savepoint(run) as part:
                form(failure, part)
            return
        except Exception as refusal:
            if fault_of(refusal) in {Fault.AWAY, Fault.CONFLICT}:
                raise
    log.error("[Site %s] A message could not even be counted: %s", message.site_id, failure.error)


def _as_it_came(failure: ParseFailure, run: Run) -> None:
    admitted = admit([failure.message], run)
    if admitted:
        _write(admitted, failure, run)
        log_failures([failure], run.memory.logged)
        count_failures([failure], run.now)
    send([*remember(admitted, run), *accounting.queries(run.tally, run.now)])
    announce(run.take_tally())


def _escaped(failure: ParseFailure, run: Run) -> None:
    plain = msgspec.structs.replace(failure, message=_plain(failure.message, run))
    messages = current([plain.message], run)
    if messages:
        _write(messages, failure, run)
        log_failures([plain], run.memory.logged)
        count_failures([plain], run.now)
    _close(run)


def _without_a_log_row(failure: ParseFailure, run: Run) -> None:
    messages = current([_plain(failure.message, run)], run)
    _write(messages, failure, run)
    _close(run)


def _only_counted(failure: ParseFailure, run: Run) -> None:
    for message in current([failure.message], run):
        run.tally.drop(message.site_id, REFUSED)
    _close(run)


_FORMS: tuple[Callable[[ParseFailure, Run], None], ...] = (
    _as_it_came,
    _escaped,
    _without_a_log_row,
    _only_counted,
)


def _write(messages: Sequence[Envelope], failure: ParseFailure, run: Run) -> None:
    rows.insert_unparsed(messages, DeadLetterReason.REFUSED, str(failure.error), run.now, run.tally)


def _close(run: Run) -> None:
    send(accounting.queries(run.tally, run.now))
    announce(run.take_tally())


def _plain(message: Envelope, run: Run) -> Envelope:
    """In a form that every column takes."""
    now = run.now.timestamp()
    return msgspec.structs.replace(
        message,
        topic=escaped(message.topic, MAX_TOPIC),
        received_at=message.received_at if is_plausible(message.received_at, now) else now,
    )
