"""A line in the log and a row for people, for what happens to links; what repeats is counted
instead of repeated.
"""

import msgspec

from mqtt_app.domain.logs.repeats import Repeats, Told, words
from mqtt_app.logging_utils import log_connection_event
from mqtt_app.models import MqttConnection
from mqtt_app.mqtt.loop import Loop
from mqtt_app.services.ownership import ConnectionConfig


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
        line = _Line(config.id, config.site_id, config.host, level, message, attempt)
        for told in self._repeats.came((config.id, (level, message)), line, self._loop.clock()):
            _write(told)
        self._arm()

    def close(self) -> None:
        for told in self._repeats.rest(self._loop.clock()):
            _write(told)

    def _arm(self) -> None:
        due = self._repeats.due_at()
        if due is not None and not self._armed:
            self._armed = True
            self._loop.at(due, self._tell)

    def _tell(self) -> None:
        self._armed = False
        for told in self._repeats.due(self._loop.clock()):
            _write(told)
        self._arm()


def _write(told: Told[_Line]) -> None:
    line = told.line
    row = MqttConnection(id=line.connection_id, site_id=line.site_id, broker_host=line.host)
    log_connection_event(row, line.level, words(line.message, told), retry_attempt=line.attempt)
