"""What the broker's session of one connection is subscribed to, and what has to be asked for."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from mqtt_app.domain.link.grants import REFUSED
from mqtt_app.domain.link.overlap import Copies, Subscription, arrange, in_packets, pieces
from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.link.protocol.control_packets import (
    SUBACK,
    UNSUBACK,
    unknown_answer,
    wrong_number_of_codes,
)
from mqtt_app.domain.link.sweep import Sweep
from mqtt_app.mqtt.link.client import MqttClient
from mqtt_app.services.ownership import ConnectionConfig

SEND, SEND_IF_NEW, SEND_NOT = 0, 1, 2  # Retain Handling, MQTT 5 section 3.8.3.1
FILTERS_PER_PACKET = 100  # keeps a SUBSCRIBE far below any broker's packet size

Item = TypeVar("Item")


class Subscriptions:
    """The broker keeps the subscriptions of a persistent session, and the database knows whether
    earlier owners have left it in line with the configuration. What may be asked without harm is
    asked all the same; see `on_session`.
    """

    def __init__(self, config: ConnectionConfig) -> None:
        self._config = config
        self._identified = False  # the broker takes Subscription Identifiers
        self._touched = False  # the session is no more as earlier owners left it
        self._held: frozenset[Subscription] = frozenset()  # what the session has, as far as we know
        self._granted = set(config.granted)
        self._obsolete = set(config.obsolete_filters)
        # By Packet Identifier of what is unanswered:
        self._asked: dict[int, Sequence[Subscription]] = {}
        self._swept: dict[
            int, Sequence[Subscription]
        ] = {}  # asked for at QoS 0, for the retained messages
        self._between: dict[
            int, Sequence[Subscription]
        ] = {}  # taken back after that, to be asked for as wanted
        self._leaving: dict[int, Sequence[str]] = {}
        self._asked_for: dict[int, int] = {}  # how many topic filters each of them names
        self._copies = Copies()
        self._sweep = Sweep()

    def on_session(
        self, config: ConnectionConfig, *, present: bool, identified: bool, trusted: bool
    ) -> None:
        """A new link. The CONNACK says whether the broker still has our session.

        A broker that was killed may have restored an earlier state of it. Not `trusted`: all is
        asked for once more.
        """
        self._adopt(config)
        self._identified = identified
        self._asked, self._swept, self._between, self._leaving = {}, {}, {}, {}
        self._asked_for = {}
        wanted = self._wanted()
        self._copies = Copies(wanted)
        if not present:
            self._held, self._granted, self._obsolete = frozenset(), set(), set()
        elif not trusted:
            self._obsolete |= {one.filter for one in self._held}
            self._held = frozenset()
        elif not self._touched and config.subscribed_version == config.config_version:
            self._held = frozenset(wanted)
        self._touched = True

    def _adopt(self, config: ConnectionConfig) -> None:
        if config is not self._config:
            self._config = config
            self._obsolete |= set(config.obsolete_filters)

    def _wanted(self) -> tuple[Subscription, ...]:
        filters = ((one.filter, one.qos) for one in self._config.filters)
        return arrange(filters, identified=self._identified)

    @property
    def differ(self) -> bool:
        wanted = self._wanted()
        return set(wanted) != self._held or bool(self._obsolete - {one.filter for one in wanted})

    def bring_about(self, config: ConnectionConfig, client: MqttClient, now: float) -> None:
        """SUBSCRIBE what is new, UNSUBSCRIBE what went; in this order, so that nothing that both
        select is missed.
        """
        self._adopt(config)
        wanted = self._wanted()
        names = {one.filter for one in wanted}
        self._obsolete = (self._obsolete | {one.filter for one in self._held}) - names
        self._held &= frozenset(wanted)
        self._granted &= names
        self._copies.change(wanted)
        missing = [one for one in wanted if one not in self._held]
        if missing and not self._identified:
            self._sweep.begin(now)
        for part in in_packets(missing, FILTERS_PER_PACKET):
            self._subscribe(part, client)
        for names_left in pieces(sorted(self._obsolete), FILTERS_PER_PACKET):
            self._note(self._leaving, client.unsubscribe_from(names_left), names_left)

    def _subscribe(self, part: Sequence[Subscription], client: MqttClient) -> None:
        """Brokers send retained messages for a subscription that is new, and queue a limited number
        of those at QoS 1 (mosquitto: 1,000), dropping the others without a word. At QoS 0 they send
        them all, so that comes first.

        With MQTT 5 in one write with what is wanted. Older brokers may leave a subscription that
        they have at its QoS (amqtt), or handle packets in another order, so there it is taken back
        in between.
        """
        fresh = [
            msgspec.structs.replace(one, qos=0) for one in part if one.filter not in self._granted
        ]
        if not fresh or not any(one.qos for one in part):
            self._note(self._asked, client.subscribe_to(part, SEND_IF_NEW), part)
            return
        self._note(self._swept, client.subscribe_to(fresh, SEND), part, len(fresh))
        if client.is_v5:
            self._note(self._asked, client.subscribe_to(part, SEND_NOT), part)

    def end_sweep(self, now: float) -> None:
        self._sweep.end(now)

    def answered(
        self, packet_id: int, codes: Sequence[int], client: MqttClient
    ) -> Mapping[str, int]:
        """Filter -> code of a SUBACK. Raises Violation when it answers nothing, or something else."""
        self._judge(SUBACK, packet_id, codes, packet_id in self._asked or packet_id in self._swept)
        swept = self._swept.pop(packet_id, ())
        if swept and not client.is_v5:
            self._note(self._between, client.unsubscribe_from([one.filter for one in swept]), swept)
        answer = {
            one.filter: code
            for one, code in zip(self._asked.pop(packet_id, ()), codes, strict=False)
        }
        accepted = {name for name, code in answer.items() if code < REFUSED}
        self._granted = self._granted - answer.keys() | accepted
        self._held |= {one for one in self._wanted() if one.filter in accepted}
        return answer

    def left(self, packet_id: int, codes: Sequence[int] | None, client: MqttClient) -> None:
        """An UNSUBACK; without codes in MQTT 3.1.1. Raises Violation as `answered` does."""
        self._judge(
            UNSUBACK, packet_id, codes, packet_id in self._leaving or packet_id in self._between
        )
        self._obsolete -= set(self._leaving.pop(packet_id, ()))
        swept = self._between.pop(packet_id, ())
        if swept:
            self._note(self._asked, client.subscribe_to(swept, SEND_IF_NEW), swept)

    def _judge(
        self, kind: int, packet_id: int, codes: Sequence[int] | None, is_asked: bool
    ) -> None:
        if not is_asked:
            raise unknown_answer(kind, packet_id)
        asked = self._asked_for.pop(packet_id)
        if codes is not None and len(codes) != asked:
            raise wrong_number_of_codes(kind, asked, len(codes))

    def _note(
        self,
        sent: dict[int, Sequence[Item]],
        packet_id: int | None,
        what: Sequence[Item],
        count: int | None = None,
    ) -> None:
        """`count`: topic filters in the packet, when that are not all of `what`."""
        if packet_id is not None:
            sent[packet_id] = what
            self._asked_for[packet_id] = len(what) if count is None else count

    @property
    def are_answered(self) -> bool:
        return not (self._asked or self._swept or self._between)

    @property
    def in_line_with(self) -> int:
        """The `config_version` whose filters the session has, all of them and no others; 0 while it
        has not.
        """
        settled = (
            self.are_answered and not self._leaving and self._held == frozenset(self._wanted())
        )
        return self._config.config_version if settled else 0

    def is_copy(self, message: Publish, now: float) -> bool:
        """Whether this delivery is of a message of which another copy has been taken."""
        if message.retain and self._sweep.is_copy(message.topic, message.payload, now):
            return True
        numbers = message.subscriptions
        return bool(numbers) and self._copies.is_one(message.topic, message.payload, numbers, now)
