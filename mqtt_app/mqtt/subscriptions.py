"""What the broker's session of one connection is subscribed to, and what has to be asked for."""

from collections.abc import Iterable, Mapping, Sequence

from mqtt_app.mqtt.client import MqttClient
from mqtt_app.services.ownership import Filter

REFUSED = 128  # SUBACK codes from here on are refusals (MQTT 5 table 3-8, MQTT 3.1.1 section 3.9.3)


class Subscriptions:
    """Nothing is asked for twice: the broker keeps the subscriptions of a persistent session."""

    def __init__(self) -> None:
        self._granted: frozenset[Filter] = frozenset()  # as far as we know
        self._obsolete: tuple[str, ...] = ()
        self._asked: dict[int, list[str]] = {}  # Packet Identifier -> filters whose codes its SUBACK brings

    def forget_filters(self, filters: Sequence[str]) -> None:
        """Filters that the broker's session may hold and nobody wants any more."""
        self._obsolete = tuple(filters)

    def on_new_link(self) -> None:
        self._asked = {}

    def on_session(self, *, present: bool) -> None:
        """The CONNACK says whether the broker still has our session."""
        if not present:
            self._granted = frozenset()

    def differ_from(self, wanted: Iterable[Filter]) -> bool:
        return set(wanted) != self._granted or bool(self._obsolete)

    def bring_about(self, wanted: Iterable[Filter], client: MqttClient) -> None:
        """UNSUBSCRIBE what went, SUBSCRIBE what is new."""
        filters = frozenset(wanted)
        gone = ({one.filter for one in self._granted} | set(self._obsolete)) - {one.filter for one in filters}
        if gone:
            client.unsubscribe_all(sorted(gone))
        missing = sorted(filters - self._granted, key=lambda one: one.filter)
        self._granted &= filters
        self._obsolete = ()
        self._asked.update(client.subscribe_all(missing))

    def answered(self, packet_id: int, codes: Sequence[int], wanted: Iterable[Filter]) -> Mapping[str, int]:
        """Filter -> code of a SUBACK."""
        found = dict(zip(self._asked.pop(packet_id, []), codes, strict=False))
        accepted = {name for name, code in found.items() if code < REFUSED}
        self._granted |= {one for one in wanted if one.filter in accepted}
        return found

    @property
    def are_answered(self) -> bool:
        return not self._asked
