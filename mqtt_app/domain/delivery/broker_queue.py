"""How long a broker's queue lasts while no owner takes its messages: past it the broker drops them,
and says nothing.
"""

UNKNOWN = (
    "How much the broker queues for us is not known. Look up its limit for one client (mosquitto max_queued_messages, "
    "1,000 by default; EMQX max_mqueue_len; HiveMQ max-queued-messages) and enter it as broker_queue_limit."
)


def lasts(limit: int | None, rate: float | None) -> float | None:
    """Seconds until a queue of `limit` messages is full at `rate` messages a second; None when that
    is not known.
    """
    if limit is not None and rate:
        return limit / rate
    return None


def said(limit: int | None, rate: float | None) -> str:
    """The same for people."""
    if limit is None:
        return UNKNOWN
    seconds = lasts(limit, rate)
    if rate is None or seconds is None:
        return f"The broker queues {limit:,} messages for us while we are away; past that it drops them silently."
    return (
        f"At {rate:,.1f} messages a second the broker's queue of {limit:,} is full after {seconds:,.0f} s without us; "
        "past that it drops messages silently."
    )
