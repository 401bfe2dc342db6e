"""How a batch that fails is cut, so that what is at fault is soon alone, and what is healthy
without it. Pure.
"""

from collections.abc import Callable, Sequence

from mqtt_app.domain.delivery.messages import Envelope

Part = tuple[Envelope, ...]


def by_connection(
    messages: Sequence[Envelope], number: int, is_convicted: Callable[[int], bool]
) -> list[Part]:
    """Each connection whole in one part. Those that are known to fail are alone and the others
    together; where none or all are, there are at most `number` parts.
    """
    own: dict[int, list[Envelope]] = {}
    for message in messages:
        own.setdefault(message.connection_id, []).append(message)
    convicted = [group for connection_id, group in own.items() if is_convicted(connection_id)]
    if 0 < len(convicted) < len(own):
        others = tuple(message for message in messages if not is_convicted(message.connection_id))
        return [others, *map(tuple, convicted)]
    groups = list(own.values())
    step = -(-len(groups) // number)
    return [
        tuple(message for group in groups[start : start + step] for message in group)
        for start in range(0, len(groups), step)
    ]


def by_message(messages: Sequence[Envelope], number: int) -> list[Part]:
    """At most `number` parts of equal length."""
    step = -(-len(messages) // number)
    return [tuple(messages[start : start + step]) for start in range(0, len(messages), step)]


def is_at_broker(message: Envelope) -> bool:
    """Not acknowledged, so its broker delivers it again: nothing is lost when it is dropped here."""
    return message.qos > 0 and not message.early
