"""What may be asked of a broker: how its limits, and what it did before, shape our SUBSCRIBEs."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from mqtt_app.domain.link.answers.capabilities import BrokerCapabilities
from mqtt_app.domain.link.grants import refusal
from mqtt_app.domain.link.overlap import FILTER_BYTES
from mqtt_app.domain.link.trouble.filter_trials import FEW, FilterTrials, left_out

FILTERS_PER_PACKET = 100  # keeps a SUBSCRIBE far below any broker's packet size
NO_SHARED = 0x9E
NO_WILDCARDS = 0xA2
TOO_LARGE = 0x95
CLOSES = 0x80  # stands for a broker that closes the connection instead of an answer
# AWS IoT Core takes 8 filters in a SUBSCRIBE, and closes the connection for more
_AWS = re.compile(r"\.iot\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$")
# Bytes of a SUBSCRIBE beside its filters: header 5, packet identifier 2, length of properties 1,
# Subscription Identifier 5.
PACKET_BYTES = 13


class LeftOut(msgspec.Struct, frozen=True):
    """Why a filter is not asked for, with the SUBACK code that stands for it."""

    code: int
    why: str


class SubscribeRules(msgspec.Struct, frozen=True):
    """`left_out`: by filter. `singly`: the next SUBSCRIBE only when the last one is answered.
    `alone`: filters that go behind all others, each by itself. `packet_size`: bytes, 0 for no
    limit.
    """

    maximum_qos: int = 1
    left_out: Mapping[str, LeftOut] = {}
    per_packet: int = FILTERS_PER_PACKET
    singly: bool = False
    alone: frozenset[str] = frozenset()
    packet_size: int = 0

    @property
    def filter_bytes(self) -> int:
        """Of the filters in one packet, 0 for no limit."""
        if self.packet_size:
            return max(1, self.packet_size - PACKET_BYTES)
        return 0


def rules_for(
    filters: Iterable[str], allows: BrokerCapabilities, trials: FilterTrials, host: str, now: float
) -> SubscribeRules:
    """`now`: unix seconds."""
    barred = {name: LeftOut(CLOSES, why) for name, why in left_out(trials, now).items()}
    for name in filters:
        code = _unavailable(name, allows)
        if code:
            barred[name] = LeftOut(code, refusal(code))
    per_packet = trials.per_packet or (FEW if is_aws(host) else FILTERS_PER_PACKET)
    if trials.is_singly:
        per_packet = 1
    return SubscribeRules(
        maximum_qos=min(1, allows.maximum_qos),
        left_out=barred,
        per_packet=per_packet,
        singly=trials.is_singly,
        alone=frozenset(trials.guilty.keys() - barred.keys()),
        packet_size=allows.maximum_packet_size,
    )


def is_aws(host: str) -> bool:
    return _AWS.search(host.lower()) is not None


def _unavailable(name: str, allows: BrokerCapabilities) -> int:
    """The code with which the broker would refuse it, 0 when it may be asked for."""
    if name.startswith("$share/") and not allows.shared:
        return NO_SHARED
    if not allows.wildcards and ("+" in name or "#" in name):
        return NO_WILDCARDS
    limit = allows.maximum_packet_size
    if limit and PACKET_BYTES + FILTER_BYTES + len(name.encode()) > limit:
        return TOO_LARGE
    return 0
