"""Python's cyclic garbage collector, for processes that handle thousands of messages a second."""

import gc

# new containers before a look at the youngest; the default of 700 costs a sixth of the CPU
THRESHOLD = 100_000


def calm() -> None:
    """Call it when everything is loaded: what lives for good is not looked at again, the rest more
    rarely.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD, 20, 50)
