"""Brokers that do not work, as data."""

from tests.fakes.broken_brokers.answers import SUBSCRIPTIONS, connacks
from tests.fakes.broken_brokers.handshakes import HANDSHAKES
from tests.fakes.broken_brokers.on_the_way import NETWORK, SETTING, STRANGERS

BROKEN = [*SETTING, *NETWORK, *STRANGERS, *HANDSHAKES, *connacks(), *SUBSCRIPTIONS]
