"""Paths in value templates: `{{ value_json.a.b }}`, `{{ value_json['a']['b'] | float }}`.

Templates are programs of others in the language Jinja, and are never run. What is more than a path
with filters that leave the value what it is, is not understood.
"""

import re

_STEP = r"(?:\.\w+|\[ ?'[^'\[\]]+' ?\]|\[ ?\"[^\"\[\]]+\" ?\]|\[[0-9]{1,4}\])"
_FILTER = r"(?: ?\| ?(?:float|int|string|round|is_defined|default|abs|trim)(?: ?\([^(){}|]*\))?)"
_TEMPLATE = re.compile(
    r"\{\{-? ?(?:value|value_json(?P<path>" + _STEP + r"{0,16}))" + _FILTER + r"{0,6} ?-?\}\}",
    re.ASCII,
)
_KEY = re.compile(r"\.(\w+)|\[ ?'([^']+)' ?\]|\[ ?\"([^\"]+)\" ?\]|\[([0-9]+)\]", re.ASCII)
MAX_TEMPLATE = 500  # characters


def path_of(template: object) -> str | None:
    """The keys joined with dots, "" for the whole payload, None for what is no simple path."""
    if template is None or template == "":
        return ""
    if not isinstance(template, str) or len(template) > MAX_TEMPLATE:
        return None
    found = _TEMPLATE.fullmatch(" ".join(template.split()))
    if found is None:
        return None
    steps = _KEY.finditer(found["path"] or "")
    return ".".join(next(key for key in step.groups() if key) for step in steps)
