"""Free ports and taken ports of the loopback interface."""

import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listens on right now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for bound in sockets:
            bound.bind((LOOPBACK, 0))
        return [bound.getsockname()[1] for bound in sockets]


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
