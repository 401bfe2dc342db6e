"""What the links have to say, written to the database by one thread, so that no link waits for it.

Only the latest status of a connection matters: while the database is away, newer words replace older ones.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec
from django.db import Error, close_old_connections, connection

from mqtt_app.logging_utils import log_connection_event
from mqtt_app.models import MqttConnection
from mqtt_app.services.ownership import ConnectionConfig

log = logging.getLogger(__name__)

RETRY_AFTER = 1.0  # s, when the database does not answer
ALWAYS_LOGGED = 3  # repeats of a failure that are logged each; after that every tenth


class Status(msgspec.Struct, frozen=True):
    status: str
    error_class: str = ""
    error_message: str = ""
    retry_count: int = 0
    connected_at: datetime | None = None
    negotiated_version: str = ""


class Writer(Protocol):
    """The part of `services.ownership` that writes what an owner says. False: somebody else owns it by now."""

    def record_status(self, connection_id: int, generation: int, **values: Any) -> bool: ...
    def record_grants(self, connection_id: int, generation: int, grants: dict[str, int]) -> bool: ...


class Reports:
    """`say`, `grants` and `log_row` never block. `disowned` is called when a write shows that the link is not ours."""

    def __init__(self, writer: Writer, disowned: Callable[[], None]) -> None:
        self._writer, self._disowned = writer, disowned
        self._wake = threading.Condition()
        self._statuses: dict[tuple[int, int], Status] = {}
        self._grants: dict[tuple[int, int], dict[str, int]] = {}
        self._busy = False
        self._down = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="mqtt-reports", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self._thread.join(timeout)

    def say(self, config: ConnectionConfig, status: Status) -> None:
        with self._wake:
            self._statuses[config.id, config.generation] = status
            self._wake.notify_all()

    def grants(self, config: ConnectionConfig, codes: dict[str, int]) -> None:
        with self._wake:
            self._grants.setdefault((config.id, config.generation), {}).update(codes)
            self._wake.notify_all()

    def log_row(self, config: ConnectionConfig, level: str, message: str, attempt: int | None = None) -> None:
        """A line in the log and a row for people; repeats of a failing connect are thinned out."""
        if attempt is not None and attempt > ALWAYS_LOGGED and attempt % 10:
            return
        if attempt is not None and attempt > ALWAYS_LOGGED:
            message = f"{message} ({attempt} attempts so far)"
        row = MqttConnection(id=config.id, site_id=config.site_id, broker_host=config.host, broker_port=config.port)
        log_connection_event(row, level, message, retry_attempt=attempt)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._statuses or self._grants or self._stopping, 1.0)
                if self._stopping and not (self._statuses or self._grants):
                    return
                statuses, self._statuses = self._statuses, {}
                grants, self._grants = self._grants, {}
            if statuses or grants:
                self._write(statuses, grants)

    def _write(self, statuses: dict[tuple[int, int], Status], grants: dict[tuple[int, int], dict[str, int]]) -> None:
        try:
            close_old_connections()
            while statuses:
                key = next(iter(statuses))
                if not self._writer.record_status(*key, **msgspec.structs.asdict(statuses[key])):
                    self._disowned()
                del statuses[key]
            while grants:
                key = next(iter(grants))
                self._writer.record_grants(*key, grants[key])
                del grants[key]
            self._down = False
        except Error as error:
            self._keep(statuses, grants, error)
        except Exception:
            log.exception("A report of a link could not be written")

    def _keep(
        self, statuses: dict[tuple[int, int], Status], grants: dict[tuple[int, int], dict[str, int]], error: Error
    ) -> None:
        if not self._down:
            log.warning("The database does not take what the links report (%s); trying on", type(error).__name__)
        self._down = True
        connection.close()
        with self._wake:
            self._statuses = {**statuses, **self._statuses}
            for key, codes in grants.items():
                self._grants[key] = {**codes, **self._grants.get(key, {})}
            self._wake.wait_for(lambda: self._stopping, RETRY_AFTER)
            if self._stopping:
                self._statuses, self._grants = {}, {}
