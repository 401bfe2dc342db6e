"""The queues of the task workers, and how many tasks may wait in each before it counts as full."""

CONTROL = "mqtt.control"  # reconcile, upkeep
INGEST = "mqtt.ingest"  # batches of messages to committed rows, and the replay of dead letters
PRESENCE = "mqtt.presence"  # offline checks
LOGS = "mqtt.logs"  # log rows
ROLLUPS = "mqtt.rollups"  # readings summed up by hour and day
PROBE = "mqtt.probe"  # tests of connections, which wait for brokers

SERVED_TOGETHER = (CONTROL, INGEST, PRESENCE, LOGS, ROLLUPS)
"""Those that one task worker may serve; a broker that hangs must hold up none of them."""
ALL = (*SERVED_TOGETHER, PROBE)

PERIODIC_MAX = 20
"""Tasks of a queue that only beat fills: each expires before the next one is sent, so that a few
mean that no worker serves it.
"""


def limit(name: str, *, ingest_max: int, logs_max: int) -> int:
    """Tasks waiting in the queue `name` at which it is full."""
    return {INGEST: ingest_max, LOGS: logs_max}.get(name, PERIODIC_MAX)
