"""What a mapping says, as it is stored, exported and imported."""

from typing import Annotated, Any, Final, Literal

import msgspec

from mqtt_app.parsers.mapping.errors import MappingError

FORMAT_VERSION: Final = 1
MAX_METRICS = 64
MAX_LEAVES = 8
_Path = Annotated[str, msgspec.Meta(max_length=256)]
_Text = Annotated[str, msgspec.Meta(max_length=255)]


class TextSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a text comes from: `text`, in which `{name}` stands for a level of the topic, or the
    value at `path` of the record, of the whole message with `of_message`.
    """

    text: _Text = ""
    path: _Path = ""
    of_message: bool = False

    @property
    def is_given(self) -> bool:
        return bool(self.text or self.path)


NO_SOURCE = TextSource()


class MetricRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One metric. A number is stored as `number * scale + offset`. `type` `auto` reads numbers and
    words in texts as every parser does.
    """

    name: TextSource
    value: _Path
    unit: TextSource = NO_SOURCE
    type: Literal["auto", "number", "text", "boolean"] = "auto"
    scale: float = 1.0
    offset: float = 0.0
    diagnostic: bool = False


class LeafRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each number and boolean below `under` is a metric, named by `prefix` and its keys."""

    under: _Path = ""
    prefix: _Text = ""


class Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stays the same of a device."""

    name: TextSource = NO_SOURCE
    manufacturer: TextSource = NO_SOURCE
    model: TextSource = NO_SOURCE
    software: TextSource = NO_SOURCE


class MappingDefinition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`each`: the path of a list, each element of which is a record; "" for the message, or for
    each element when it is a list.
    """

    version: Literal[1]
    filter: Annotated[str, msgspec.Meta(max_length=1_024)]
    device: TextSource
    format: Literal["auto", "json", "cbor", "messagepack"] = "auto"
    each: _Path = ""
    time: TextSource = NO_SOURCE
    gateway: TextSource = NO_SOURCE
    metrics: Annotated[tuple[MetricRule, ...], msgspec.Meta(max_length=MAX_METRICS)] = ()
    leaves: Annotated[tuple[LeafRule, ...], msgspec.Meta(max_length=MAX_LEAVES)] = ()
    description: Description = Description()


def read_definition(content: object) -> MappingDefinition:
    """From decoded JSON. Raises MappingError that names the field."""
    try:
        definition = msgspec.convert(content, MappingDefinition)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        field = place.rstrip("`").replace("[", ".").replace("]", "").lstrip(".")
        raise MappingError(field or "definition", f"{reason}.") from None
    if not definition.device.is_given:
        raise MappingError("device", "Say which device it is: a text such as {device}, or a path.")
    if not definition.metrics and not definition.leaves:
        raise MappingError("metrics", "Map at least one metric, or all numbers under a path.")
    return definition


def as_json(definition: MappingDefinition) -> dict[str, Any]:
    """What `read_definition` reads."""
    content: dict[str, Any] = msgspec.to_builtins(definition)
    return content
