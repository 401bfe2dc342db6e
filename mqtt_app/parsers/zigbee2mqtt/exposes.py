"""Units and labels of a device's metrics.

Source: https://www.zigbee2mqtt.io/guide/usage/exposes.html. The features of a composite are keys of
an object under its property; those of a specific type, such as a light, are keys of the state.
"""

from collections.abc import Iterator
from typing import Any

from mqtt_app.domain.facts import MetricDescription

PUBLISHED = 1  # the bit of `access` of what is in the published state
DIAGNOSTIC_UNITS = {"linkquality": "lqi"}  # metrics about the radio, with their unit


def metrics(device: str, exposes: Any) -> Iterator[MetricDescription]:
    """Each metric that has a unit or a label, once."""
    seen: set[str] = set()
    for metric, feature in _generic(exposes, ""):
        unit = feature.get("unit")
        label = feature.get("label")
        description = MetricDescription(
            device=device,
            metric=metric,
            unit=unit if isinstance(unit, str) else "",
            name=label if isinstance(label, str) else "",
            diagnostic=metric in DIAGNOSTIC_UNITS,
        )
        if metric not in seen and (description.unit or description.name or description.diagnostic):
            seen.add(metric)
            yield description


def _generic(exposes: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(metric, feature) of what is published."""
    if not isinstance(exposes, list):
        return
    for feature in exposes:
        if not isinstance(feature, dict):
            continue
        key = feature.get("property")
        if isinstance(key, str) and key:
            metric = f"{path}{key}"
        else:
            metric = ""
        if isinstance(feature.get("features"), list):
            if feature.get("type") == "composite" and metric:
                below = f"{metric}."
            else:
                below = path
            yield from _generic(feature["features"], below)
        elif metric and _is_published(feature):
            yield metric, feature


def _is_published(feature: dict[str, Any]) -> bool:
    access = feature.get("access")
    return not isinstance(access, int) or bool(access & PUBLISHED)
