"""A line in the log and a row for people, for what happens to links; what repeats is counted
instead of repeated.
"""

import msgspec

from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.logs.repeats import CountedLine, Repeats, format_counted
from mqtt_app.logging_utils import log_connection_event
from mqtt_app.models import MqttConnection
from mqtt_app.mqtt.loop import Loop


class _Line(msgspec.Struct, frozen=True):
    connection_id: int
    site_id: int
    host: str
    level: str
    message: str
    attempt: int | None


class ConnectionLogWriter:
    """For the loop's own thread; `close` once that has ended. Never blocks."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._repeats: Repeats[_Line] = Repeats()
        self._armed = False

    def write(
        self, config: ConnectionConfig, level: str, message: str, attempt: int | None = None
    ) -> None:
        """`attempt`: the number of the connect that failed."""
        line = _Line(config.id, config.site_id, config.host, level, message, attempt)
        key = (config.id, (level, message))
        for counted in self._repeats.add(key, line, self._loop.clock()):
            _write(counted)
        self._arm()

    def close(self) -> None:
        for counted in self._repeats.rest(self._loop.clock()):
            _write(counted)

    def _arm(self) -> None:
        due = self._repeats.due_at()
        if due is not None and not self._armed:
            self._armed = True
            self._loop.at(due, self._write_due)

    def _write_due(self) -> None:
        self._armed = False
        for counted in self._repeats.due(self._loop.clock()):
            _write(counted)
        self._arm()


def _write(counted: CountedLine[_Line]) -> None:
    line = counted.line
    row = MqttConnection(id=line.connection_id, site_id=line.site_id, broker_host=line.host)
    message = format_counted(line.message, counted)
    log_connection_event(row, line.level, message, retry_attempt=line.attempt)
