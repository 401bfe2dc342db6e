"""A message that is refused wherever it is to be stored becomes a dead letter, in the best form
that is taken.

The first form is the message as it came. Where even that is refused, its text is escaped, then its
log row is left out, and in the end it is only counted: nothing that a message holds makes its batch
fail for ever.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from mqtt_app.domain.delivery.faults import Fault
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.ingest.samples import escaped
from mqtt_app.domain.ingest.times import is_plausible
from mqtt_app.services import accounting
from mqtt_app.services.accounting import AccountingTally, ParseFailure
from mqtt_app.services.dead_letters import quarantine
from mqtt_app.services.ingest import admission
from mqtt_app.services.ingest.admission.claim import Admission
from mqtt_app.services.ingest.closing import close
from mqtt_app.services.ingest.faults import as_parse_error, fault_of
from mqtt_app.services.ingest.careful.isolate import undone_on_failure

log = logging.getLogger(__name__)

MAX_TOPIC = 1_000  # characters of a topic that is written in escaped form
REFUSED = "refused"  # reason of a drop: neither the message nor any form of it could be written

Form = Callable[[ParseFailure, Admission, datetime], None]


def bury(
    message: Envelope,
    error: Exception,
    context: Admission,
    now: datetime,
    forget: Callable[[], None],
) -> None:
    """Raises what is not the message's fault."""
    failure = ParseFailure(message, "", as_parse_error(error))
    for form in _FORMS:
        part = context.part()
        try:
            with undone_on_failure(forget):
                form(failure, part, now)
        except Exception as refusal:
            if fault_of(refusal) in {Fault.AWAY, Fault.CONFLICT}:
                raise
        else:
            context.skipped |= part.skipped
            return
    log.error("[Site %s] A message could not even be counted: %s", message.site_id, failure.error)


def _as_it_came(failure: ParseFailure, context: Admission, now: datetime) -> None:
    tally = AccountingTally()
    admitted = admission.admit([failure.message], context, tally)
    admission.remember(admitted, context, now)
    _write(failure, admitted, tally)
    close(tally, now, context.later)


def _escaped(failure: ParseFailure, context: Admission, now: datetime) -> None:
    tally, plain = (
        AccountingTally(),
        msgspec.structs.replace(failure, message=_plain(failure.message, now)),
    )
    _write(plain, admission.current([plain.message], context), tally)
    close(tally, now, context.later)


def _without_a_log_row(failure: ParseFailure, context: Admission, now: datetime) -> None:
    tally, plain = AccountingTally(), _plain(failure.message, now)
    quarantine.put_aside(admission.current([plain], context), str(failure.error), tally)
    close(tally, now, context.later)


def _only_counted(failure: ParseFailure, context: Admission, now: datetime) -> None:
    tally = AccountingTally()
    for message in admission.current([failure.message], context):
        tally.drop(message.site_id, REFUSED)
    close(tally, now, context.later)


_FORMS: tuple[Form, ...] = (_as_it_came, _escaped, _without_a_log_row, _only_counted)


def _write(failure: ParseFailure, messages: Sequence[Envelope], tally: AccountingTally) -> None:
    """`messages`: the failed one, or none when it is a duplicate or somebody else's."""
    if messages:
        quarantine.put_aside(messages, str(failure.error), tally)
        accounting.log_failures([failure])


def _plain(message: Envelope, now: datetime) -> Envelope:
    """In a form that every column takes."""
    known = is_plausible(message.received_at, now.timestamp())
    return msgspec.structs.replace(
        message,
        topic=escaped(message.topic, MAX_TOPIC),
        received_at=message.received_at if known else now.timestamp(),
    )
