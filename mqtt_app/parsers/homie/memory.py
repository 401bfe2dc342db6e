"""What is remembered of descriptions: the data types of properties, and which device is a child of
which.

Homie 5 describes a device in one document, and only the root of a tree of devices has a Will: when
it is lost, so are all devices that name it as their root.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import Remembered
from mqtt_app.parsers.homie.topics import HomieTopic

MAX_REMEMBERED = 200_000  # bytes under one key; the pipeline takes 256 KB
MAX_CHILDREN = 5_000  # of one domain


class ChildDevice(msgspec.Struct):
    """`state`: the last one that the child said of itself, "" for none."""

    root: str
    state: str = ""


class DeviceTree(msgspec.Struct):
    """The children of one domain by identifier, and the roots that are lost."""

    children: dict[str, ChildDevice] = {}
    lost: list[str] = []


_TREES = msgspec.json.Decoder(DeviceTree)
_TYPES = msgspec.json.Decoder(dict[str, str])


def keys_of(place: HomieTopic) -> tuple[str, ...]:
    """Under which keys stands what a message on the topic needs."""
    if place.attribute[:1] in (("$state",), ("$description",)):
        return (_tree_key(place), _document_key(place))
    if place.attribute:
        return ()
    if place.is_version_5:
        return (_document_key(place),)
    return (_type_key(place),)


def data_type(place: HomieTopic, memory: Mapping[str, bytes]) -> str:
    """ "" when no description has come yet."""
    if place.is_version_5:
        document = memory.get(_document_key(place))
        if document:
            return _types(document).get(place.metric, "")
        return ""
    return memory.get(_type_key(place), b"").decode("ascii", "replace")


def type_remembered(place: HomieTopic, text: str) -> Remembered:
    """Of one property of Homie 3 and 4; an empty text forgets it."""
    return Remembered(key=_type_key(place), value=text.encode() if text else None)


def document_remembered(place: HomieTopic, types: dict[str, str]) -> Remembered:
    """Of all properties of a device of Homie 5; what is too long to keep is not remembered."""
    if types:
        value = msgspec.json.encode(types)
    else:
        value = None
    too_long = value is not None and len(value) > MAX_REMEMBERED
    return Remembered(key=_document_key(place), value=None if too_long else value)


def tree(place: HomieTopic, memory: Mapping[str, bytes]) -> DeviceTree:
    stored = memory.get(_tree_key(place))
    try:
        if stored:
            return _TREES.decode(stored)
        return DeviceTree()
    except msgspec.DecodeError:
        return DeviceTree()


def tree_remembered(place: HomieTopic, known: DeviceTree) -> Remembered:
    kept = dict(list(known.children.items())[-MAX_CHILDREN:])
    value = msgspec.json.encode(DeviceTree(kept, known.lost[-MAX_CHILDREN:]))
    too_long = len(value) > MAX_REMEMBERED
    return Remembered(key=_tree_key(place), value=None if too_long else value)


def family(place: HomieTopic, document: dict[str, Any], known: DeviceTree) -> bool:
    """Enters the device and the children that its document names; whether anything changed."""
    root = document.get("root")
    if not (isinstance(root, str) and root):
        root = ""
    own = place.device.rpartition("/")[2]
    children = document.get("children")
    if root:
        names = [own]
    else:
        names = []
    if isinstance(children, list):
        names += [name for name in children if isinstance(name, str)]
    changed = False
    for name in names[:MAX_CHILDREN]:
        child = known.children.get(f"{place.domain}/{name}")
        wanted = f"{place.domain}/{root or own}"
        if child is None or child.root != wanted:
            known.children[f"{place.domain}/{name}"] = ChildDevice(
                wanted, child.state if child else ""
            )
            changed = True
    return changed


@lru_cache(maxsize=1_024)
def _types(document: bytes) -> dict[str, str]:
    try:
        return _TYPES.decode(document)
    except msgspec.DecodeError:
        return {}


def _tree_key(place: HomieTopic) -> str:
    return f"tree {place.domain}"


def _document_key(place: HomieTopic) -> str:
    return f"types {place.device}"


def _type_key(place: HomieTopic) -> str:
    return f"type {place.device}/{'/'.join(place.below)}"
