"""Mappings that tests use."""

from typing import Any

DEFINITION: dict[str, Any] = {
    "version": 1,
    "filter": "kilns/{device}",
    "device": {"text": "{device}"},
    "metrics": [{"name": {"text": "t"}, "value": "q.t", "unit": {"text": "°C"}}],
}
OTHER_DEFINITION: dict[str, Any] = {
    **DEFINITION,
    "metrics": [{"name": {"text": "heat"}, "value": "q.t", "scale": 0.1}],
}
