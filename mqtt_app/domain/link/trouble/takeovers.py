"""Whether links that break soon after CONNECT are taken over by a client with the same client id.

A broker of MQTT 5 says so (0x8E). One of MQTT 3.1.1 only closes the link, as a network does that
breaks. Two things give another client away: it comes back after the same pause each time, so our
links live equally long; and if it asks for a clean session, ours is gone each time.
"""

from collections.abc import Sequence

SHORT_LIFE = 10.0  # s; a client that was thrown out comes back sooner than that
SHORTEST_LIFE = 0.2  # s; what ends sooner ends because of what we sent
ALTERNATING = 5  # links in a row that lived equally long
LOST_SESSIONS = 2  # sessions that a broker had, and had no more after such a link
SHORT_LIVES = 3  # links in a row, where sessions were lost besides
REMEMBERED = 8  # lives of links that are looked at, at most


def add_life(lives: Sequence[float], lived: float) -> tuple[float, ...]:
    """`lived`: seconds. Empty after a link that lived long: what comes now is something else."""
    if lived >= SHORT_LIFE:
        return ()
    return (*lives, lived)[-REMEMBERED:]


def are_takeovers(lives: Sequence[float], lost_sessions: int) -> bool:
    """`lives`: seconds that each of the last links lived, none of them longer than `SHORT_LIFE`, and
    closed by the broker without a reason.
    """
    if lost_sessions >= LOST_SESSIONS and len(lives) >= SHORT_LIVES:
        return True
    latest = sorted(lives[-ALTERNATING:])
    if len(latest) < ALTERNATING or latest[0] < SHORTEST_LIFE:
        return False
    middle = latest[ALTERNATING // 2]
    return latest[-1] - latest[0] <= max(0.3, middle / 4)
