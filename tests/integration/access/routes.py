"""Every address of the web process, read from the URL configuration itself."""

import re
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from mqtt_app.live.routing import websocket_urlpatterns

OBJECT_ID = "<path:object_id>/"
PAGES_OF_A_MODEL = (
    "",
    "add/",
    OBJECT_ID,
    f"{OBJECT_ID}change/",
    f"{OBJECT_ID}delete/",
    f"{OBJECT_ID}history/",
)


def walk(patterns: list[URLPattern | URLResolver] | None = None, before: str = "") -> Iterator[str]:
    """Each route as one string: `api/v1/mqtt/sites/<int:pk>/`."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + plain(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        else:
            yield route


def plain(pattern: str) -> str:
    """A regular expression as a route: `^(?P<app_label>auth|mqtt)/$` is `<app_label>/`."""
    return re.sub(r"\(\?P(<\w+>)[^()]*\)", r"\1", pattern).strip("^$")


def models() -> dict[str, Any]:
    """`app/model` -> the model, of everything that is registered in the admin."""
    return {
        f"{model._meta.app_label}/{model._meta.model_name}": model for model in admin.site._registry
    }


def of_models() -> set[str]:
    """The routes that each model of the admin has."""
    return {f"admin/{name}/{page}" for name in models() for page in PAGES_OF_A_MODEL}


def http() -> list[str]:
    """All others."""
    return sorted(set(walk()) - of_models())


def websockets() -> list[str]:
    """The last, empty, takes whatever is no address of ours."""
    return [str(pattern.pattern) for pattern in websocket_urlpatterns]


def address(route: str, values: dict[str, Any]) -> str:
    """The route with its parts filled in, by name."""
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda part: str(values[part.group(1)]), route)
