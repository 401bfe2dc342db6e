"""Why a connection ended that was not closed here."""

import ssl
from typing import Protocol

from mqtt_app.domain.link.failures import (
    NETWORK,
    LinkFailure,
    closed_before_connack,
    not_mqtt,
    violated,
)
from mqtt_app.domain.link.protocol.stream import PacketStream
from mqtt_app.domain.link.protocol.violations import cut_off
from mqtt_app.mqtt.link import tls


class LinkSource(Protocol):
    """What came from a broker: its packets, and its first bytes."""

    stream: PacketStream
    first: bytes


def explain(
    error: EOFError | OSError,
    source: LinkSource,
    host: str,
    *,
    use_tls: bool,
    identified: bool = True,
) -> LinkFailure:
    """`identified`: we had a client certificate to show."""
    connected = source.stream.connected
    unfinished = source.stream.unfinished
    if not connected and isinstance(error, ssl.SSLError):
        return tls.explain(error, host, identified=identified)
    if connected:
        other = None
    else:
        other = not_mqtt(source.first)
    if other is not None:
        return other
    if unfinished and isinstance(error, EOFError | ConnectionError):
        return violated(cut_off(unfinished))
    if connected:
        return LinkFailure(NETWORK, "The broker closed the connection, or the network broke it.")
    return closed_before_connack(use_tls)
