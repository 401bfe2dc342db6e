"""How much of the memory of an MQTT worker one connection may fill. Sizes in bytes. Pure."""

# part of the memory that a connection may hold whose messages are not being stored
SUSPECT_SHARE = 32


def may_read_suspect(held: int, limit: int) -> bool:
    return held < limit // SUSPECT_SHARE


def may_read(held: int, total: int, holders: int, limit: int) -> bool:
    """May a connection that holds `held` of `total` bytes in memory read on? `holders` connections
    hold any.

    Up to half of the limit every connection may; beyond that, only those that hold less than an
    equal share of it.
    """
    if total >= limit:
        return False
    return total < limit // 2 or held < limit // (2 * max(1, holders))
