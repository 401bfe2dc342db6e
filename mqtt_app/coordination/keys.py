"""Every Redis key and channel of ours, in one place. (Celery's queues are named in
tasks/queues.py.)
"""

INSTANCE_PREFIX = "mqtt:instance:"
# set of ids that may hold a lease; reading goes by it, so it needs no scan of all keys
INSTANCES = "mqtt:instances"
KNOWN_SINCE = (
    "mqtt:instances:since"  # unix time since which every lease has had its chance to be here
)
GIVEN_UP = "mqtt:given-up"  # hash of what -> how many items outboxes have given up, for the metrics
LAST_HOLD = "mqtt:instances:held"  # unix time at which any instance last took or renewed its lease
NUDGES = "mqtt:nudges"  # pub/sub channel: "look at the database now"
TAILS = "mqtt:tails"  # sorted set of JSON of open tails, by the unix time at which they end
PROBE = "mqtt:probe"  # written to see whether Redis takes writes; gone after a second


def instance(instance_id: str) -> str:
    """The lock keyed by instance id: JSON of the lease, with a TTL."""
    return f"{INSTANCE_PREFIX}{instance_id}"


def acks(instance_id: str, incarnation: str) -> str:
    """List of ids of committed batches, for the process start that waits for them."""
    return f"mqtt:acks:{instance_id}:{incarnation}"


def evidence(instance_id: str) -> str:
    """Hash connection id -> JSON of what its owner sees right now; with a TTL."""
    return f"mqtt:evidence:{instance_id}"
