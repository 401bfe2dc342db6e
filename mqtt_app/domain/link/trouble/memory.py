"""What is remembered of one link beyond its owner, as one JSON value of its row."""

import msgspec

from mqtt_app.domain.link.trouble.filter_trials import FilterTrials
from mqtt_app.domain.link.trouble.interruptions import History


class LinkMemory(msgspec.Struct, frozen=True, omit_defaults=True):
    trials: FilterTrials = FilterTrials()
    interruptions: History = ()


NOTHING = LinkMemory()


def memory_from(stored: object) -> LinkMemory:
    """What another version has written, or somebody by hand, is forgotten."""
    try:
        return msgspec.convert(stored, LinkMemory)
    except msgspec.ValidationError:
        return NOTHING
