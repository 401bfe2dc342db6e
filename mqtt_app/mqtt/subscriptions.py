"""What the broker's session of one connection is subscribed to, and what has to be asked for."""

from collections.abc import Mapping, Sequence

from mqtt_app.domain.grants import REFUSED
from mqtt_app.domain.overlap import Copies, Subscription, arrange
from mqtt_app.domain.packets import Publish
from mqtt_app.domain.sweep import Sweep
from mqtt_app.mqtt.client import MqttClient
from mqtt_app.services.ownership import ConnectionConfig


class Subscriptions:
    """Nothing is asked for twice: the broker keeps the subscriptions of a persistent session, and the database knows
    whether earlier owners have left it in line with the configuration.
    """

    def __init__(self, config: ConnectionConfig) -> None:
        self._config = config
        self._identified = False  # the broker takes Subscription Identifiers
        self._touched = False  # the session is no more as earlier owners left it
        self._held: frozenset[Subscription] = frozenset()  # what the session has, as far as we know
        self._granted = set(config.granted)
        self._obsolete = set(config.obsolete_filters)
        self._asked: dict[int, Sequence[str]] = {}  # Packet Identifier -> filters whose codes its SUBACK brings
        self._swept: dict[int, Sequence[str]] = {}  # the same; asked at QoS 0 for the retained messages only
        self._leaving: dict[int, Sequence[str]] = {}  # Packet Identifier of an UNSUBSCRIBE -> filters
        self._copies = Copies()
        self._sweep = Sweep()

    def on_session(self, config: ConnectionConfig, *, present: bool, identified: bool) -> None:
        """A new link. The CONNACK says whether the broker still has our session."""
        self._config, self._identified = config, identified
        self._asked, self._swept, self._leaving = {}, {}, {}
        wanted = self._wanted()
        self._copies = Copies(wanted)
        if not present:
            self._held, self._granted, self._obsolete = frozenset(), set(), set()
        elif not self._touched and config.subscribed_version == config.config_version:
            self._held = frozenset(wanted)
        self._touched = True

    def _wanted(self) -> tuple[Subscription, ...]:
        filters = ((one.filter, one.qos) for one in self._config.filters)
        return arrange(filters, identified=self._identified)

    @property
    def differ(self) -> bool:
        wanted = self._wanted()
        return set(wanted) != self._held or bool(self._obsolete - {one.filter for one in wanted})

    def bring_about(self, config: ConnectionConfig, client: MqttClient, now: float) -> None:
        """SUBSCRIBE what is new, UNSUBSCRIBE what went; in this order, so that nothing that both select is missed."""
        if config is not self._config:
            self._config = config
            self._obsolete |= set(config.obsolete_filters)
        wanted = self._wanted()
        names = {one.filter for one in wanted}
        self._obsolete = (self._obsolete | {one.filter for one in self._held}) - names
        self._held &= frozenset(wanted)
        self._granted &= names
        self._copies.change(wanted)
        missing = [one for one in wanted if one not in self._held]
        if missing and not self._identified:
            self._sweep.begin(now)
        asked, swept = client.subscribe_all(missing, fresh=names - self._granted)
        self._asked |= asked
        self._swept |= swept
        self._leaving |= client.unsubscribe_all(sorted(self._obsolete))

    def end_sweep(self, now: float) -> None:
        self._sweep.end(now)

    def answered(self, packet_id: int, codes: Sequence[int]) -> Mapping[str, int]:
        """Filter -> code of a SUBACK."""
        swept = self._swept.pop(packet_id, ())
        self._granted |= _accepted(swept, codes)
        asked = self._asked.pop(packet_id, ())
        accepted = _accepted(asked, codes)
        self._granted = self._granted - set(asked) | accepted
        self._held |= {one for one in self._wanted() if one.filter in accepted}
        return dict(zip(asked, codes, strict=False))

    def left(self, packet_id: int) -> None:
        """An UNSUBACK."""
        self._obsolete -= set(self._leaving.pop(packet_id, ()))

    @property
    def are_answered(self) -> bool:
        return not self._asked

    @property
    def in_line_with(self) -> int:
        """The `config_version` whose filters the session has, all of them and no others; 0 while it has not."""
        settled = self.are_answered and not self._leaving and self._held == frozenset(self._wanted())
        return self._config.config_version if settled else 0

    def is_copy(self, message: Publish, now: float) -> bool:
        """Whether this delivery is of a message of which another copy has been taken."""
        if message.retain and self._sweep.is_copy(message.topic, message.payload, now):
            return True
        numbers = message.subscriptions
        return bool(numbers) and self._copies.is_one(message.topic, message.payload, numbers, now)


def _accepted(filters: Sequence[str], codes: Sequence[int]) -> set[str]:
    return {name for name, code in zip(filters, codes, strict=False) if code < REFUSED}
