"""CSV: a line of names and lines of values, or one line of numbers alone.

Source: RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180). The delimiter is a semicolon, tab or
comma, the surest first; with the first two a comma may be the decimal point. A column of times is
the time of its line; `temp (°C)` is a name with its unit. Numbers without names are called by
their place, as in a JSON array.
"""

import csv
import re
from collections.abc import Sequence

import msgspec

from mqtt_app.domain.facts import Fact, ParseError, ParseErrorKind
from mqtt_app.domain.unit_spellings import is_unit
from mqtt_app.domain.values import number
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.records import facts_of_tree
from mqtt_app.parsers.text_payloads import remarks_on, written_text

DELIMITERS = (";", "\t", ",")
MAX_LENGTH = 1_048_576  # bytes
MAX_ROWS = 10_000
MAX_COLUMNS = 500
SAMPLE_ROWS = 20
MAX_SAMPLE = 8192  # bytes that are looked at to recognise the format

_HEADING = re.compile(r"[^\W\d][^\n;,]{0,79}")
_WITH_UNIT = re.compile(r"(?P<name>[^(\[]+?) ?[(\[](?P<unit>[^)\]]{1,12})[)\]]")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]{1,12},[0-9]{1,12}", re.ASCII)


class CsvColumn(msgspec.Struct, frozen=True, gc=False):
    name: str
    unit: str = ""


class CsvParser:
    name = "csv"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        """Below every parser that knows the topic, above plain text."""
        has_delimiter = b"," in sample or b";" in sample or b"\t" in sample
        if has_delimiter:
            text = written_text(sample[:MAX_SAMPLE])
        else:
            text = ""
        if text:
            rows = _rows(text, SAMPLE_ROWS)
        else:
            rows = []
        if len(sample) > MAX_SAMPLE:
            rows = rows[:-1]  # the last one may be cut off
        if _has_heading(rows):
            return 0.35
        if _is_bare(rows):
            return 0.25
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not message.payload.strip():
            return []
        rows = _rows(written_text(message.payload[:MAX_LENGTH]), MAX_ROWS)
        if _has_heading(rows):
            columns = [_column(name.strip()) for name in rows[0]]
            records = [_record(columns, row) for row in rows[1:]]
            found = facts_of_tree(message, records[0] if len(records) == 1 else records)
        elif _is_bare(rows):
            cells = [_cell(cell) for cell in rows[0]]
            found = facts_of_tree(message, cells)
        else:
            reason = "expected CSV: a line of names, and lines of values"
            raise ParseError(ParseErrorKind.PARSE, reason)
        return [*found, *remarks_on(message.payload)]


def _rows(text: str, limit: int) -> list[list[str]]:
    """Rows of the first delimiter that divides the first line; none when it is no table."""
    if text.lstrip()[:1] in ("{", "[", "<", ""):
        return []
    lines = [line for line in text.splitlines() if line.strip()][: limit + 1]
    delimiter = next((delimiter for delimiter in DELIMITERS if delimiter in lines[0]), "")
    if not delimiter:
        return []
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return []
    return [row[:MAX_COLUMNS] for row in rows]


def _has_heading(rows: list[list[str]]) -> bool:
    """Names above, and below them as many cells, of which some are numbers."""
    if len(rows) < 2:
        return False
    names = [name.strip() for name in rows[0]]
    if len(set(names)) < len(names) or not all(map(_HEADING.fullmatch, names)):
        return False
    return all(len(row) == len(names) for row in rows[1:]) and all(
        any(map(_is_number, row)) for row in rows[1:SAMPLE_ROWS]
    )


def _is_bare(rows: list[list[str]]) -> bool:
    """One line of numbers; two with a comma between them may be one with a decimal comma."""
    if len(rows) != 1:
        return False
    cells = rows[0]
    has_points = all("." in cell for cell in cells)
    return all(map(_is_number, cells)) and (len(cells) > 2 or has_points)


def _record(columns: list[CsvColumn], row: list[str]) -> dict[str, str | None]:
    """The cells by name, and units beside them under the names that JSON would use."""
    record: dict[str, str | None] = {}
    for column, text in zip(columns, row, strict=False):
        record[column.name] = _cell(text)
        if column.unit and record[column.name]:
            record[f"{column.name}_unit"] = column.unit
    return record


def _column(heading: str) -> CsvColumn:
    """`temp (°C)` and `temp [°C]` are `temp` in °C."""
    found = _WITH_UNIT.fullmatch(heading)
    if found is None or not is_unit(found["unit"]):
        return CsvColumn(heading)
    return CsvColumn(found["name"], found["unit"])


def _cell(text: str) -> str | None:
    """The text with a decimal point, or None for an empty cell."""
    stripped = text.strip()
    if _DECIMAL_COMMA.fullmatch(stripped):
        stripped = stripped.replace(",", ".")
    return stripped or None


def _is_number(text: str) -> bool:
    cell = _cell(text)
    return cell is not None and number(cell) is not None
