from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from drf_spectacular.views import SpectacularSwaggerSplitView


class DocsView(SpectacularSwaggerSplitView):
    """The page and its script apart, so that the page needs no inline script."""

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Without a body: the page's renderer knows its own template only."""
        return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"Allow": "GET, HEAD, OPTIONS"})
