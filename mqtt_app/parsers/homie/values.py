"""Values of properties, by the data type that the description says."""

import re
from collections.abc import Callable, Iterator

from mqtt_app.domain.facts import Fact, FieldProblem, Value
from mqtt_app.domain.values import Quantity
from mqtt_app.parsers.fields import PLAIN, Fields, Trait, number_or_text, only_text
from mqtt_app.parsers.json_tree import decode

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
TRUTH = {"true": True, "false": False}
JSON = "json"


def facts_of(device: str, metric: str, text: str, data_type: str) -> Iterator[Fact]:
    """The reading of one property. Without a known type a person's reading counts."""
    fields = Fields(device=device, trait=_plain, read=only_text)
    if data_type == JSON:
        yield from fields.facts(decode(text.encode()), metric)
        return
    value = _READERS.get(data_type, only_text)(text)
    if value is None:
        yield FieldProblem(field=metric[:255], reason=f"{text[:60]!r} is no {data_type or 'value'}")
    else:
        yield from fields.fact(metric, value, PLAIN)


def _plain(metric: str) -> Trait:  # noqa: ARG001
    return PLAIN


def _number(text: str) -> Value | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    return None


def _truth(text: str) -> Value | None:
    return TRUTH.get(text.lower())


def _unknown(text: str) -> Value | Quantity | None:
    found = _truth(text)
    if found is None:
        return number_or_text(text)
    return found


_READERS: dict[str, Callable[[str], Value | Quantity | None]] = {
    "integer": _number,
    "float": _number,
    "percent": _number,
    "boolean": _truth,
    "": _unknown,
}
