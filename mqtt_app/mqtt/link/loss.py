"""Why a connection ended that was not closed here."""

import ssl

from mqtt_app.domain.link.failures import (
    NETWORK,
    LinkFailure,
    closed_before_connack,
    not_mqtt,
    violated,
)
from mqtt_app.domain.link.protocol.violations import cut_off
from mqtt_app.mqtt.link import tls
from mqtt_app.mqtt.link.buffered import BufferedSocket


def explain(
    error: EOFError | OSError, source: BufferedSocket, host: str, *, use_tls: bool
) -> LinkFailure:
    connected = source.stream.connected
    unfinished = source.stream.unfinished
    if not connected and isinstance(error, ssl.SSLError):
        return tls.explain(error, host)
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
