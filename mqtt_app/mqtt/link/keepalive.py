"""Pings a silent broker, and ends the link when it does not answer. Pings also when we have been
silent ourselves, as we are while messages of QoS 0 flow, or while nothing may be acknowledged.
"""

from collections.abc import Callable

from mqtt_app.domain.link.failures import NETWORK, LinkFailure
from mqtt_app.mqtt.link.client import MqttClient
from mqtt_app.mqtt.link.unfinished import PacketTimer
from mqtt_app.mqtt.loop import Loop, Timer

# s without a packet in one of the directions, or half the keepalive when that is shorter
PING_AFTER = 25.0
# s for the answer; with the above it ends before a status says that a link is half-open
PING_PATIENCE = 15.0
# s; looks fall on its multiples, so that pings of many links, and their answers, are one round each
TOGETHER = 0.25


class Keepalive:
    """`judging`: whether silence counts now; a paused link proves nothing. `pinging`: whether to
    ping.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        judging: Callable[[], bool],
        pinging: Callable[[float, float], bool],
        lost: Callable[[LinkFailure], None],
        packet_timeout: float,
    ) -> None:
        self._loop = loop
        self._judging = judging
        self._pinging = pinging
        self._lost = lost
        self._client: MqttClient | None = None
        self._timer: Timer | None = None
        self.packet_timer = PacketTimer(loop, packet_timeout, judging)
        self.last_packet_at = 0.0  # the loop's clock

    def begin(self, client: MqttClient) -> None:
        self._client = client
        self.packet_timer.begin(client.reader)
        self.heard()
        self._look()

    def agreed(self) -> None:
        """The broker may have set a shorter keepalive than ours: when to ping is judged anew."""
        if self._timer is not None:
            self._timer.cancel()
        self._look()

    def heard(self) -> None:
        self.last_packet_at = self._loop.clock()

    def end(self) -> None:
        self._client = None
        self.packet_timer.end()
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        client = self._client
        if client is None:
            return
        interval = min(PING_AFTER, client.keepalive_seconds() / 2)
        silence = self._loop.clock() - self.last_packet_at
        if self._judging() and silence > interval + PING_PATIENCE:
            text = f"The broker has said nothing for {silence:.0f} s."
            self._lost(LinkFailure(NETWORK, text, is_silent=True))
            return
        quiet = max(silence, client.seconds_since_sent())
        wait = min(interval, PING_PATIENCE)
        if self._pinging(quiet, interval):
            client.ping()
        elif quiet < interval:
            # not before there is a reason to ping: of thousands of links few are silent
            wait = interval - quiet
        due = self._loop.clock() + wait
        self._timer = self._loop.at((due // TOGETHER + 1) * TOGETHER, self._look)
