"""What it means when a broker cannot be dialled."""

import errno
import socket

from mqtt_app.domain.link.failures import CONFIGURATION, INTERNAL, NETWORK, LinkFailure


def unresolved(host: str, error: OSError) -> LinkFailure:
    if isinstance(error, socket.gaierror) and error.errno in (
        socket.EAI_NONAME,
        getattr(socket, "EAI_NODATA", -5),
    ):
        return LinkFailure(
            NETWORK, f"The name {host} is not known to the DNS. Check the broker's host."
        )
    return LinkFailure(
        NETWORK, f"The name {host} could not be looked up ({error.strerror or error})."
    )


def no_socket(error: OSError) -> LinkFailure:
    if error.errno not in (errno.EMFILE, errno.ENFILE):
        return LinkFailure(INTERNAL, f"No socket can be opened ({error.strerror or error}).")
    return LinkFailure(
        INTERNAL,
        "This MQTT worker may open no more files, so it has no room for another connection. Raise its limit "
        "(ulimit -n, LimitNOFILE) or lower SITEWIRE_CAPACITY below it, so that another worker takes the rest.",
    )


def cannot_bind(source: str, address: str, error: OSError) -> LinkFailure:
    return LinkFailure(
        CONFIGURATION,
        f"Cannot connect to {address} from SITEWIRE_BIND_ADDRESS {source} ({error.strerror or error}). Set it to an "
        "address of this machine, of the same IP version as the broker's.",
    )


def unreachable(host: str, port: int, address: str, error: OSError) -> LinkFailure:
    where = f"{host}:{port}"
    if address != host:
        where += f" ({address})"
    if isinstance(error, ConnectionRefusedError):
        return LinkFailure(
            NETWORK,
            f"Nothing listens at {where}: connection refused. Check the port; is the broker running?",
        )
    if isinstance(error, TimeoutError):
        return LinkFailure(
            NETWORK, f"No answer from {where} in time. Check host, port and firewalls."
        )
    return LinkFailure(NETWORK, f"{where} cannot be reached ({error.strerror or error}).")
