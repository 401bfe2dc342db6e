"""The turns of one link in the loop: when its socket is read and written."""

from collections.abc import Callable

from mqtt_app.mqtt.link.client import MqttClient
from mqtt_app.mqtt.loop import Loop

TURN = 200  # packets a link may have handled before the others get their turn


class LinkIo:
    """`client` is None while there is no link. `before_read` and `after_read` are called around
    each read. A `paused` link is not read.
    """

    def __init__(
        self, loop: Loop, before_read: Callable[[], None], after_read: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._before_read = before_read
        self._after_read = after_read
        self.client: MqttClient | None = None
        self.paused = False
        self._is_draining = False
        self._wants_write = False

    def watch(self, client: MqttClient) -> None:
        self.client = client
        self.paused = False
        self._is_draining = False
        self._wants_write = False
        self._loop.watch(client.fileno(), self)

    def unwatch(self, descriptor: int) -> None:
        self._loop.unwatch(descriptor)

    def set_paused(self, paused: bool) -> None:
        self.paused = paused
        self._set_interest()
        if not paused and self.client is not None:
            self._loop.read_again(self.client.fileno())

    def stop_reading(self) -> None:
        self._is_draining = True
        self._set_interest()

    def write_soon(self) -> None:
        """At the end of this round, so that all that gathers is one write."""
        if not self._wants_write:
            self._wants_write = True
            self._loop.call(self.write_turn)

    # From the loop

    def read_turn(self) -> bool:
        client = self.client
        if client is None or self.paused or self._is_draining:
            return False
        self._before_read()
        more = client.reader.read(TURN)
        self._after_read()
        return more and not self.paused

    def write_turn(self) -> None:
        client = self.client
        if client is None:
            return
        self._wants_write = False
        client.write()
        if self.client is client and client.want_write():
            self._wants_write = True
        self._set_interest()

    def gone_turn(self) -> None:
        if self.client is not None:
            self.client.reader.hung_up()

    def _set_interest(self) -> None:
        if self.client is not None:
            read = not (self.paused or self._is_draining)
            self._loop.change(self.client.fileno(), read=read, write=self._wants_write)
