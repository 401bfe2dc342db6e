"""Messages that their parser made nothing of, in the parsing log."""

import time
import traceback
from collections.abc import MutableMapping, Sequence

import msgspec

from mqtt_app.conf import config
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import ParseError, ParseErrorKind
from mqtt_app.domain.ingest.minutes import MinuteCount, count
from mqtt_app.domain.ingest.samples import sample, storable
from mqtt_app.models import MqttParsingLog
from mqtt_app.services.dead_letters.parser_health import Scope

# failures of one topic that get a row each; the rest of the minute is counted, not logged
LOGGED_A_MINUTE = 20
_LAST = " (more failures of this topic within this minute are counted, not logged)"

Logged = MutableMapping[tuple[int, str], MinuteCount]
"""Rows by connection id and topic."""


class ParseFailure(msgspec.Struct, frozen=True):
    message: Envelope
    parser_name: str
    error: ParseError

    @property
    def scope(self) -> Scope:
        return self.message.site_id, self.parser_name


def log_failures(failures: Sequence[ParseFailure], logged: Logged) -> None:
    """A row for each, as far as its topic may still write any in this minute."""
    rows = []
    now = time.time()
    for failure in failures:
        key = (failure.message.connection_id, failure.message.topic)
        before = count(logged, key, now)
        if before < LOGGED_A_MINUTE:
            rows.append(_row(failure, is_last=before == LOGGED_A_MINUTE - 1))
    if rows:
        MqttParsingLog.objects.bulk_create(rows)


def _row(failure: ParseFailure, *, is_last: bool) -> MqttParsingLog:
    message = failure.message
    error = failure.error
    if is_last:
        text = f"{error}{_LAST}"
    else:
        text = f"{error}"
    row = MqttParsingLog(
        site_id=message.site_id,
        topic=storable(message.topic),
        parser_name=failure.parser_name,
        error_type=error.kind.value,
        error_message=storable(text),
        exception_type=type(error).__name__,
        exception_traceback="",
        payload_sample=sample(message.payload, config().payload_sample),
    )
    cause = error.__cause__
    if cause is not None and error.kind in {ParseErrorKind.UNKNOWN, ParseErrorKind.DB}:
        row.exception_type = type(cause).__name__
        row.exception_traceback = storable("".join(traceback.format_exception(cause)))
    return row
