"""The addresses of a name, in the order in which they are dialled."""

from collections.abc import Sequence
from typing import Any

SHORTEST_PATIENCE = 2.0  # s for one of many addresses


def ipv6_first(found: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Answers of getaddrinfo: IPv6 and IPv4 by turns, each in the resolver's order. So of a network
    that carries only one of them, every second address works.
    """
    newer = [answer for answer in found if ":" in str(answer[4][0])]
    older = [answer for answer in found if ":" not in str(answer[4][0])]
    paired = min(len(newer), len(older))
    turns = [answer for pair in zip(newer, older, strict=False) for answer in pair]
    return [*turns, *newer[paired:], *older[paired:]]


def patience_for(timeout: float, addresses: int) -> float:
    """Seconds for the TCP handshake with one of so many, of `timeout` for one alone: all are to
    have their turn in one attempt.
    """
    if addresses <= 1:
        return timeout
    return min(timeout, max(SHORTEST_PATIENCE, 1.5 * timeout / addresses))
