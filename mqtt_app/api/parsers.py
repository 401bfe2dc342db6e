"""Bodies: JSON that the rest of the house can hold."""

import json
import math
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class FiniteJSONParser(JSONParser):
    """Refuses what the standard parser lets through or dies of: infinite numbers, and nesting
    without end.
    """

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return json.loads(stream.read().decode(), parse_constant=_refuse, parse_float=_finite)
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply.") from None
        except ValueError as error:  # not UTF-8, not JSON, or a number of thousands of digits
            raise ParseError(f"JSON parse error - {error}") from None


def _finite(text: str) -> float:
    value = float(text)
    if math.isfinite(value):
        return value
    return _refuse(text)


def _refuse(text: str) -> float:
    raise ValueError(f"{text[:20]} is not a finite number")
