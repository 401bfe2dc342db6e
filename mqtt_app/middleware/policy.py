"""What every answer promises to a browser, by the part of the site that gives it; error pages too."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from mqtt_app.domain.names import visible


def _policy(**directives: str) -> str:
    stated = (
        {"default_src": "'none'"} | directives | {"base_uri": "'none'", "frame_ancestors": "'none'"}
    )
    return "; ".join(f"{name.replace('_', '-')} {value}" for name, value in stated.items())


_OWN = {
    name: "'self'" for name in ("script_src", "style_src", "img_src", "connect_src", "form_action")
}
NOTHING = _policy()
PAGES = _policy(**_OWN)
"""No inline script, no foreign host: a stored topic or payload could not run even if it were not
escaped.
"""
ADMIN = _policy(
    **_OWN | {"img_src": "'self' data:", "font_src": "'self'", "style_src_attr": "'unsafe-inline'"}
)
"""Scripts as strict as ours. The style attribute alone is open: Django's pages and ours colour
words by it.
"""
DOCS = _policy(**_OWN | {"img_src": "'self' data:", "style_src": "'self' 'unsafe-inline'"})
"""Swagger UI writes style sheets of its own into the page; its scripts are files."""

_AREAS = (("/admin/", ADMIN), ("/api/docs/", DOCS), ("/api/", NOTHING), ("/static/", NOTHING))


class PolicyMiddleware:
    """The outermost, so that no answer goes past it.

    Characters that are invisible or turn the direction of text become visible on pages: names may
    not hold them, so they are a stranger's, out of a topic, a payload or a device's name.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _policy_of(request, response))
        if isinstance(response, HttpResponse) and _is_html(response):
            _show_invisible(response)
        return response


def _policy_of(request: HttpRequest, response: HttpResponseBase) -> str:
    area = next(
        (policy for prefix, policy in _AREAS if request.path_info.startswith(prefix)), PAGES
    )
    if _is_html(response):
        return area
    return NOTHING


def _is_html(response: HttpResponseBase) -> bool:
    return response.headers.get("Content-Type", "").startswith("text/html")


def _show_invisible(response: HttpResponse) -> None:
    text = response.content.decode(response.charset, "replace")
    shown = visible(text)
    if shown != text:
        response.content = shown.encode(response.charset)
        if response.has_header("Content-Length"):
            response.headers["Content-Length"] = str(len(response.content))
