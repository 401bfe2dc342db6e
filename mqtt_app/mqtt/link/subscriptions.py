"""What the broker's session of one connection is subscribed to, and what has to be asked for."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from mqtt_app.domain.link.answers.askable import FILTERS_PER_PACKET, SubscribeRules
from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.grants import REFUSED
from mqtt_app.domain.link.overlap import Copies, Subscription, arrange, in_packets
from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.link.protocol.control_packets import (
    SUBACK,
    UNSUBACK,
    unknown_answer,
    wrong_number_of_codes,
)
from mqtt_app.domain.link.sweep import Sweep
from mqtt_app.mqtt.link.client import MqttClient

# Retain Handling, MQTT 5 section 3.8.3.1
SEND = 0
SEND_IF_NEW = 1
SEND_NOT = 2

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
        # By Packet Identifier of what is unanswered. `swept`: asked for at QoS 0, for the retained
        # messages; `between`: taken back after that, to be asked for as wanted.
        self._asked: dict[int, Sequence[Subscription]] = {}
        self._swept: dict[int, Sequence[Subscription]] = {}
        self._between: dict[int, Sequence[Subscription]] = {}
        self._leaving: dict[int, Sequence[str]] = {}
        self._asked_for: dict[int, int] = {}  # how many topic filters each of them names
        self._rules = SubscribeRules()
        self._queue: deque[Sequence[Subscription]] = deque()  # to be asked for, in this order
        self._copies = Copies()
        self._sweep = Sweep()

    def on_session(
        self,
        config: ConnectionConfig,
        *,
        present: bool,
        identified: bool,
        trusted: bool,
        rules: SubscribeRules | None = None,
    ) -> None:
        """A new link. The CONNACK says whether the broker still has our session. `rules`: what may
        be asked of this broker.

        A broker that was killed may have restored an earlier state of it. Not `trusted`: all is
        asked for once more.
        """
        self._adopt(config)
        self._identified = identified
        self._rules = rules or SubscribeRules()
        self._queue.clear()
        for unanswered in (self._asked, self._swept, self._between, self._leaving):
            unanswered.clear()
        self._asked_for.clear()
        wanted = self._wanted()
        self._copies = Copies(wanted)
        if not present:
            self._held = frozenset()
            self._granted = set()
            self._obsolete = set()
        elif not trusted:
            self._obsolete |= _names(self._held)
            self._held = frozenset()
        elif not self._touched and config.subscribed_version == config.config_version:
            self._held = frozenset(wanted)
        self._touched = True

    def _adopt(self, config: ConnectionConfig) -> None:
        if config is not self._config:
            self._config = config
            self._obsolete |= set(config.obsolete_filters)

    def _wanted(self) -> tuple[Subscription, ...]:
        rules = self._rules
        filters = (
            (wish.filter, min(wish.qos, rules.maximum_qos))
            for wish in self._config.filters
            if wish.filter not in rules.left_out
        )
        return arrange(filters, identified=self._identified)

    @property
    def differ(self) -> bool:
        wanted = self._wanted()
        return set(wanted) != self._held or bool(self._obsolete - _names(wanted))

    def synchronize(
        self,
        config: ConnectionConfig,
        client: MqttClient,
        now: float,
        rules: SubscribeRules | None = None,
    ) -> None:
        """SUBSCRIBE what is new, UNSUBSCRIBE what went; in this order, so that nothing that both
        select is missed. `rules`: when they are others than before.
        """
        self._adopt(config)
        self._rules = rules or self._rules
        wanted = self._wanted()
        names = _names(wanted)
        self._obsolete = (self._obsolete | _names(self._held)) - names
        self._held &= frozenset(wanted)
        self._granted &= names
        self._copies.change(wanted)
        missing = [wish for wish in wanted if wish not in self._held]
        if missing and not self._identified:
            self._sweep.begin(now)
        self._queue = deque(self._parts(missing))
        self._ask_next(client)
        obsolete = [Subscription(name, 0) for name in sorted(self._obsolete)]
        for part in in_packets(obsolete, FILTERS_PER_PACKET, self._rules.filter_bytes):
            names_left = [wish.filter for wish in part]
            self._remember(self._leaving, client.unsubscribe_from(names_left), names_left)

    def _parts(self, missing: Sequence[Subscription]) -> Iterator[Sequence[Subscription]]:
        """What the broker may close the link for goes behind all others, each by itself."""
        alone = self._rules.alone
        others = [wish for wish in missing if wish.filter not in alone]
        yield from in_packets(others, self._rules.per_packet, self._rules.filter_bytes)
        yield from ((wish,) for wish in missing if wish.filter in alone)

    def _ask_next(self, client: MqttClient) -> None:
        while self._queue and not (self._is_to_wait(self._queue[0]) and self.unanswered):
            self._subscribe(self._queue.popleft(), client)

    def _is_to_wait(self, part: Sequence[Subscription]) -> bool:
        return self._rules.singly or part[0].filter in self._rules.alone

    @property
    def unanswered(self) -> tuple[str, ...]:
        """Filters that are asked for, each once, in the order of the requests."""
        open_requests = (self._asked, self._swept, self._between)
        parts = (part for sent in open_requests for part in sent.values())
        return tuple(dict.fromkeys(wish.filter for part in parts for wish in part))

    def _subscribe(self, part: Sequence[Subscription], client: MqttClient) -> None:
        """Brokers send retained messages for a subscription that is new, and queue a limited number
        of those at QoS 1 (mosquitto: 1,000), dropping the others without a word. At QoS 0 they send
        them all, so that comes first.

        With MQTT 5 in one write with what is wanted. Older brokers may leave a subscription that
        they have at its QoS (amqtt), or handle packets in another order, so there it is taken back
        in between.
        """
        fresh = [
            msgspec.structs.replace(wish, qos=0)
            for wish in part
            if wish.filter not in self._granted
        ]
        if not fresh or not any(wish.qos for wish in part):
            self._remember(self._asked, client.subscribe_to(part, SEND_IF_NEW), part)
            return
        self._remember(self._swept, client.subscribe_to(fresh, SEND), part, len(fresh))
        if client.is_v5:
            self._remember(self._asked, client.subscribe_to(part, SEND_NOT), part)

    def end_sweep(self, now: float) -> None:
        self._sweep.end(now)

    def take_suback(
        self, packet_id: int, codes: Sequence[int], client: MqttClient
    ) -> Mapping[str, int]:
        """Filter -> code of a SUBACK. Raises Violation when it answers nothing, or something else."""
        self._judge(SUBACK, packet_id, codes, packet_id in self._asked or packet_id in self._swept)
        swept = self._swept.pop(packet_id, ())
        if swept and not client.is_v5:
            names = [wish.filter for wish in swept]
            self._remember(self._between, client.unsubscribe_from(names), swept)
        asked = self._asked.pop(packet_id, ())
        results = {wish.filter: code for wish, code in zip(asked, codes, strict=False)}
        accepted = {name for name, code in results.items() if code < REFUSED}
        self._granted = self._granted - results.keys() | accepted
        self._held |= {wish for wish in self._wanted() if wish.filter in accepted}
        self._ask_next(client)
        return results

    def take_unsuback(
        self, packet_id: int, codes: Sequence[int] | None, client: MqttClient
    ) -> None:
        """An UNSUBACK; without codes in MQTT 3.1.1. Raises Violation as `take_suback` does."""
        self._judge(
            UNSUBACK, packet_id, codes, packet_id in self._leaving or packet_id in self._between
        )
        self._obsolete -= set(self._leaving.pop(packet_id, ()))
        swept = self._between.pop(packet_id, ())
        if swept:
            self._remember(self._asked, client.subscribe_to(swept, SEND_IF_NEW), swept)

    def _judge(
        self, kind: int, packet_id: int, codes: Sequence[int] | None, is_asked: bool
    ) -> None:
        if not is_asked:
            raise unknown_answer(kind, packet_id)
        asked = self._asked_for.pop(packet_id)
        if codes is not None and len(codes) != asked:
            raise wrong_number_of_codes(kind, asked, len(codes))

    def _remember(
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
        return not (self._asked or self._swept or self._between or self._queue)

    @property
    def synced_version(self) -> int:
        """The `config_version` whose filters the session has, all of them and no others; 0 while it
        has not.
        """
        is_answered = self.are_answered and not self._leaving
        is_synced = is_answered and self._held == frozenset(self._wanted())
        if is_synced:
            return self._config.config_version
        return 0

    def is_copy(self, message: Publish, now: float) -> bool:
        """Whether this delivery is of a message of which another copy has been taken."""
        if message.retain and self._sweep.is_copy(message.topic, message.payload, now):
            return True
        numbers = message.subscriptions
        return bool(numbers) and self._copies.is_one(message.topic, message.payload, numbers, now)


def _names(subscriptions: Iterable[Subscription]) -> set[str]:
    return {subscription.filter for subscription in subscriptions}
