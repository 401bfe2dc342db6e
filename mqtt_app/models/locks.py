"""Every PostgreSQL advisory lock of ours, by name.

Two number spaces, which PostgreSQL keeps apart: one 64-bit key (a lock for the whole installation),
or a class and a 32-bit key (a lock for one row).
"""

RECONCILE_LOCK = 7_061_001  # one reconcile at a time; whoever comes second does nothing
UPKEEP_LOCK = 7_061_002
OFFLINE_CHECK_LOCK = 7_061_003
DEAD_LETTERS_LOCK = 7_061_004
ROLLUP_LOCK = (
    7_061_006  # one process rolls up; who moves or removes a device's readings waits for it
)
PROBLEMS_LOCK = 7_061_007  # one process judges which problems last
PROBES_LOCK = 7_061_005  # held while open tests are counted and one is added

# Held exclusively by the taker of a connection, shared by every batch that holds its messages: a
# batch of the former owner is either committed before the take, or sees the new generation and is
# skipped.
TAKE_LOCK_CLASS = 7_061


def take_lock_key(connection_id: int) -> int:
    """The 32-bit key within TAKE_LOCK_CLASS. Two connections that share a key wait for each other;
    no harm.
    """
    return connection_id % 2**31
