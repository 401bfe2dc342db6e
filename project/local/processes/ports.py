"""Free ports and taken ports of the loopback interface."""

import secrets
import socket

LOOPBACK = "127.0.0.1"
# Below the ports that Linux gives to outgoing connections (32768 on), of which any could be taken
# between the moment when a port is chosen and the moment when a server listens on it.
LISTENING = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listens on right now. Raises OSError where all are taken."""
    found: list[int] = []
    start = secrets.randbelow(len(LISTENING))
    for step in range(len(LISTENING)):
        if len(found) == count:
            return found
        port = LISTENING[(start + step) % len(LISTENING)]
        if not problem_with(port):
            found.append(port)
    raise OSError(f"{count} free ports are needed between {LISTENING[0]} and {LISTENING[-1]}")


def free_port() -> int:
    return free_ports(1)[0]


def problem_with(port: int) -> str:
    """Why a server of ours could not listen on this port; empty when it could."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # a port in TIME_WAIT is free for a server
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except PermissionError:
            return "is reserved for the administrator"
        except OSError:
            return "is taken by another program"
    return ""


def kept_or_free(port: int) -> int:
    """The port of the last run when it is still free, so that addresses stay the same from start to
    start.
    """
    if port and not problem_with(port):
        return port
    return free_port()
