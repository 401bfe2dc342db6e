"""Connection and parsing events: the log file at once, the database row through a queued task.

Neither function blocks or raises: rows wait in memory while the queue is out of reach.
"""

import atexit
import logging
import traceback
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any

from mqtt_app.conf import config
from mqtt_app.coordination.outbox import Outbox
from mqtt_app.domain.ingest.samples import sample, storable
from mqtt_app.masking import masked
from mqtt_app.models import MqttConnection, Site

Row = tuple[str, dict[str, Any]]
Sender = Callable[[str, list[dict[str, Any]]], None]

CONNECTION, PARSING = "connection", "parsing"
LIMIT = 10_000  # rows that may wait; past it the oldest are in the log file only
GATHER = 0.1  # s a row waits for others: a burst is a few tasks
AT_ONCE = 100  # rows in one task; a row with its sample and traceback may have 10 KB
FLUSH = 3.0  # s a process that ends waits for its last rows

log = logging.getLogger(__name__)
_connections = logging.getLogger("mqtt.connection")
_parsing = logging.getLogger("mqtt.parsing")
_senders: list[Sender] = []


def use_sender(sender: Sender) -> None:
    """Told once, by the composition root: how rows of one kind get onto the queue."""
    _senders[:] = [sender]


def log_connection_event(
    connection: MqttConnection,
    level: str,
    message: str,
    exception: BaseException | None = None,
    retry_attempt: int | None = None,
) -> None:
    """`connection` needs its id, site_id and broker_host only. `level` is one of LogLevel."""
    text = masked(storable(message))
    _connections.log(
        logging.getLevelNamesMapping().get(level, logging.INFO),
        "[Site %s] %s",
        connection.site_id,
        text,
    )
    _outbox.put(
        (
            CONNECTION,
            {
                "connection_id": connection.pk,
                "level": str(level),
                "message": text,
                "broker_host": connection.broker_host,
                "retry_attempt": retry_attempt,
                **_described(exception),
            },
        )
    )


def log_parsing_error(  # noqa: PLR0917  the signature is a contract
    site: Site,
    topic: str,
    parser_name: str,
    error_type: str,
    error_message: str,
    payload_sample: Any = None,
    exception: BaseException | None = None,
) -> None:
    """`payload_sample` may be bytes, text or JSON-like; over 5,000 characters it is cut and says
    so.
    """
    text = masked(storable(error_message))
    _parsing.warning(
        "[Site %s] %s on %s by %s: %s", site.pk, error_type, storable(topic), parser_name, text
    )
    _outbox.put(
        (
            PARSING,
            {
                "site_id": site.pk,
                "topic": storable(topic),
                "parser_name": parser_name,
                "error_type": str(error_type),
                "error_message": text,
                "payload_sample": sample(payload_sample, config().payload_sample),
                **_described(exception),
            },
        )
    )


def flush(timeout: float) -> bool:
    """Wait up to `timeout` seconds until every row is on the queue."""
    return _outbox.flush(timeout)


def waiting() -> int:
    """Rows of this process that are not on the queue yet."""
    return len(_outbox)


def _flush_at_exit() -> None:
    if not flush(FLUSH):
        log.warning(
            "%d log rows are in the log file only, not in the database: they could not be put into the queue in time. "
            "Is Redis (REDIS_URL) reachable?",
            waiting(),
        )


def _described(exception: BaseException | None) -> Mapping[str, str]:
    if exception is None:
        return {"exception_type": "", "exception_traceback": ""}
    trace = "".join(traceback.format_exception(exception))
    return {
        "exception_type": type(exception).__name__,
        "exception_traceback": masked(storable(trace)),
    }


def _deliver(rows: list[Row]) -> None:
    """Taken off the list task by task, so that a failure in the middle repeats none."""
    while rows:
        together = _of_one_kind(rows[:AT_ONCE])
        for sender in _senders:
            sender(rows[0][0], together)
        del rows[: len(together)]


def _of_one_kind(rows: list[Row]) -> list[dict[str, Any]]:
    """Those at the beginning."""
    return [fields for _, fields in takewhile(lambda row: row[0] == rows[0][0], rows)]


_outbox: Outbox[Row] = Outbox("log rows", _deliver, limit=LIMIT, gather=GATHER)
atexit.register(_flush_at_exit)
