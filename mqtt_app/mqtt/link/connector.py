"""Dials for one link, when its turn has come."""

import socket
from collections.abc import Callable
from functools import partial

from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.failures import LinkFailure
from mqtt_app.domain.link.stages import StageTime
from mqtt_app.mqtt.link.dialer import Dial
from mqtt_app.mqtt.link.link_services import LinkServices


class Connector:
    """`dialed` is called on the loop's thread, with a connected socket or with why there is none."""

    def __init__(
        self, services: LinkServices, dialed: Callable[[socket.socket | LinkFailure], None]
    ) -> None:
        self._services = services
        self._dialed = dialed
        self._attempt: Dial | None = None

    @property
    def stage(self) -> StageTime:
        if self._attempt is not None:
            return self._attempt.stage
        return StageTime()

    def start(self, config: ConnectionConfig) -> float:
        """Gives when its turn is, by the loop's clock."""
        loop = self._services.loop
        attempt = Dial(config, self._call_loop)
        self._attempt = attempt
        turn = self._services.pacer.next_slot(loop.clock())
        loop.at(turn, partial(self._dial, attempt))
        return turn

    def cancel(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()
            self._attempt = None

    def _dial(self, attempt: Dial) -> None:
        if not attempt.cancelled:
            self._services.dialer.dial(attempt)

    def _call_loop(self, attempt: Dial, result: socket.socket | LinkFailure) -> None:
        """On a thread of the dialer."""
        self._services.loop.call(partial(self._finished, attempt, result))

    def _finished(self, attempt: Dial, result: socket.socket | LinkFailure) -> None:
        if attempt is self._attempt and not attempt.cancelled:
            self._attempt = None
            self._dialed(result)
        elif isinstance(result, socket.socket):
            result.close()
