"""Where a topic of Homie stands.

    homie/<device>/<node>/<property>            Homie 3 and 4
    homie/5/<device>/<node>/<property>          Homie 5
    .../$<attribute>                            of a device, a node or a property

The base may be any other, which shows only in attributes that no other format has.
"""

from functools import lru_cache

import msgspec

BASES = frozenset({"homie", "valetudo"})  # Valetudo is Homie 4 below its own name
VERSION_5 = "5"
SIGN = "$"
OF_DEVICES = frozenset(
    {
        "$homie",
        "$state",
        "$nodes",
        "$description",
        "$stats",
        "$fw",
        "$implementation",
        "$localip",
        "$mac",
        "$extensions",
        "$online",
        "$log",
        "$alert",
    }
)
OF_NODES = frozenset({"$properties", "$array"})
OF_PROPERTIES = frozenset({"$datatype", "$unit", "$format", "$settable", "$retained", "$target"})
ASKED = frozenset({"$target", "$broadcast", "$log"})
LEVELS = {**dict.fromkeys(OF_NODES, 1), **dict.fromkeys(OF_PROPERTIES, 2)}


class HomieTopic(msgspec.Struct, frozen=True):
    """`device` is the whole topic down to the device, `below` node and property, `attribute` what
    stands from the `$` on. `has_own_base`: the base is not known, so that values stand on topics
    which nothing shows to be Homie's.
    """

    device: str
    below: tuple[str, ...]
    attribute: tuple[str, ...]
    is_version_5: bool
    has_own_base: bool

    @property
    def metric(self) -> str:
        return ".".join(self.below)

    @property
    def domain(self) -> str:
        """Everything above the device: devices below it may be children of one another."""
        return self.device.rpartition("/")[0]


@lru_cache(maxsize=16_384)
def place_of(topic: str) -> HomieTopic | None:
    """None for what stands where no device can be."""
    levels = topic.split("/")
    signed = next((at for at, level in enumerate(levels) if level.startswith(SIGN)), len(levels))
    named = levels[:signed]
    attribute = tuple(levels[signed:])
    if has_base(named[:-1]):
        start = next(at for at, level in enumerate(named) if level in BASES) + 1
        is_version_5 = named[start] == VERSION_5 and len(named) > start + 1
        return _place(named, start + is_version_5, attribute, has_own_base=False)
    if attribute:
        below = LEVELS.get(attribute[0], 0)
    else:
        below = 2
    return _place(named, len(named) - below - 1, attribute, has_own_base=True)


def has_base(levels: list[str]) -> bool:
    return not BASES.isdisjoint(levels)


def is_attribute(topic: str) -> bool:
    """Whether an attribute shows the topic to be Homie's, whatever the base."""
    levels = topic.split("/")
    at = next((at for at, level in enumerate(levels) if level.startswith(SIGN)), 0)
    return at > 0 and (
        levels[at] in OF_DEVICES or (at > 2 and levels[at] in OF_NODES | OF_PROPERTIES)
    )


def is_asked(topic: str) -> bool:
    """Whether the topic carries what is asked of a device, or said to all, or to people."""
    if topic.endswith("/set"):
        place = place_of(topic)  # a property may be named `set`
        return place is None or place.has_own_base
    return "/$" in topic and not ASKED.isdisjoint(topic.split("/"))


def _place(
    named: list[str], at: int, attribute: tuple[str, ...], *, has_own_base: bool
) -> HomieTopic | None:
    """`at`: the index of the level that names the device."""
    below = tuple(named[at + 1 :])
    if at < 1 or at >= len(named) or not named[at] or len(below) > 2:
        return None
    if not attribute and len(below) != 2:
        return None
    is_version_5 = named[at - 1] == VERSION_5
    device = "/".join(named[: at + 1])
    return HomieTopic(device, below, attribute, is_version_5, has_own_base)
