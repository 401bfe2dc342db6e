"""What every page of ours promises to a browser, beside the policy that its area has
(`middleware/policy.py`).
"""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe


def strict(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Never cached, because it shows the present."""

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return answer


def fragment(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """What a page fetches, or offers as a file: read only, for people who are logged in."""
    return strict(require_safe(login_required(view)))


def page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The same with the token that the page's own calls of the API need."""
    return fragment(ensure_csrf_cookie(view))
