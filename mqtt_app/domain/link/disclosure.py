"""What is shown of a failed link to those who may not look into the network that Sitewire runs in.

Whoever names a host and then reads "connection refused", "no answer" or "a web server answers"
scans ports from inside. So they see the class of the failure and what it means in general; the
details are for those who run Sitewire.
"""

from mqtt_app.domain.link.failures import (
    BROKER,
    CONFIGURATION,
    CONFLICT,
    CREDENTIALS,
    INTERNAL,
    NETWORK,
    TLS,
)

LOST = "Disconnected: "  # how the line of a link that broke begins; its reason follows
LOST_IN_GENERAL = "Disconnected."
NOT_CONNECTED = "The connection could not be made. The status says what kind of failure it is."

_IN_GENERAL = {
    CONFIGURATION: "The settings of the connection cannot work.",
    CREDENTIALS: "The broker refused our credentials.",
    NETWORK: "The broker cannot be reached.",
    TLS: "There is no trusted TLS connection to the broker.",
    BROKER: "The broker does not accept the connection.",
    CONFLICT: "Another client uses the same client id.",
    INTERNAL: "Sitewire itself cannot hold the connection.",
}
_OTHERWISE = "The connection does not work."


def error_in_general(error_class: str, message: str) -> str:
    """Stands for `message` of an error of this class; "" where there is none."""
    if message:
        return _IN_GENERAL.get(error_class, _OTHERWISE)
    return ""


def log_in_general(message: str, retry_attempt: int | None) -> str:
    """Stands for a line of the connection log. Failed attempts are known by their number."""
    if retry_attempt is not None:
        return NOT_CONNECTED
    if message.startswith(LOST):
        return LOST_IN_GENERAL
    return message
