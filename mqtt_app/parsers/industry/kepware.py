"""KEPServerEX, its IoT Gateway: `{"timestamp": ..., "values": [{"id", "v", "q", "t"}, ...]}`.

Source: Kepware's manual of the IoT Gateway, "Standard Template Data Format". A tag is named
`Channel.Device.Tag`: the device is `<topic>/Channel.Device`, so that a topic has several;
the metric is the rest. `t` is in milliseconds. A value whose quality `q` is false is none.
"""

from collections.abc import Iterator
from typing import Any

from mqtt_app.domain.facts import Fact, FieldProblem
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.fields import PLAIN, Fields, only_text
from mqtt_app.parsers.json_forms import JsonForm
from mqtt_app.parsers.json_tree import invalid

KEYS = (b'"values"', b'"id"', b'"v"', b'"q"', b'"t"')


def read(topic: str, tree: Any) -> Iterator[Fact]:
    if isinstance(tree, dict):
        values = tree.get("values")
    else:
        values = None
    if not isinstance(values, list):
        raise invalid("expected an array of tags under values")
    common = parse_time(tree.get("timestamp"))
    for tag in values:
        yield from _facts(topic, tag, common)


def _facts(topic: str, tag: Any, common: float | None) -> Iterator[Fact]:
    if isinstance(tag, dict):
        name = tag.get("id")
    else:
        name = None
    if not isinstance(name, str) or not name:
        yield FieldProblem(field="values", reason="a tag without an id")
        return
    if tag.get("q") is False:
        yield FieldProblem(field=name, reason="its quality is bad")
        return
    levels = name.split(".", 2)
    own = parse_time(tag.get("t"))
    fields = Fields(
        device="/".join([topic, *([".".join(levels[:2])] if len(levels) > 2 else levels[:-1])]),
        trait=lambda _: PLAIN,
        read=only_text,
        time=common if own is None else own,
    )
    yield from fields.facts(tag.get("v"), levels[-1])


FORM = JsonForm(name="kepware", keys=(KEYS,), read=read, begins=b"{")
