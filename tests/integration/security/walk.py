"""Every address of the web process, from the URL configuration, filled in with rows that exist."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.urls import URLPattern, URLResolver, get_resolver

from mqtt_app.models import ApiToken, Device, DiscoveredTopic, MqttTopic, Site, TopicRule

CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")


def patterns() -> Iterator[tuple[str, URLPattern]]:
    return _patterns(get_resolver().url_patterns, "/")


def _patterns(
    found: list[URLPattern | URLResolver], prefix: str
) -> Iterator[tuple[str, URLPattern]]:
    for pattern in found:
        route = prefix + str(pattern.pattern).lstrip("^")
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, route)
        else:
            yield route, pattern


def addresses() -> list[str]:
    """One address for each pattern. A new kind of argument has to be given a value here."""
    return sorted(
        {
            CONVERTER.sub(_value(route, pattern), route).replace("$", "")
            for route, pattern in patterns()
        }
    )


def _value(route: str, pattern: URLPattern) -> Callable[[re.Match[str]], str]:
    def value(match: re.Match[str]) -> str:
        return str(_argument(match[1], route, pattern))

    return value


def _argument(name: str, route: str, pattern: URLPattern) -> Any:
    below = {
        "topics": MqttTopic,
        "discovered-topics": DiscoveredTopic,
        "topic-rules": TopicRule,
        "devices": Device,
        "tokens": ApiToken,
    }
    model = next((model for part, model in below.items() if f"/{part}/<int:pk>" in route), Site)
    page = getattr(pattern.callback, "model_admin", None)
    known: dict[str, Callable[[], Any]] = {
        "site_id": lambda: Site.objects.get().pk,
        "pk": lambda: _last(model),
        "uidb64": lambda: "MQ",
        "token": lambda: "no-such-link",
        "object_id": lambda: page and _last(page.model),
        "id": lambda: page and _last(page.model),
        "content_type_id": lambda: ContentType.objects.get_for_model(Site).pk,
        "app_label": lambda: "mqtt",
        "url": lambda: "nowhere",
    }
    return known[name]()


def _last(model: Any) -> Any:
    row = model._default_manager.order_by("pk").last()
    return "0" if row is None else row.pk
