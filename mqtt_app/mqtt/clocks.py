"""The runtime's clock: seconds that pass during suspend as well, so that a lease never looks
younger than it is.
"""

import time


def now() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
