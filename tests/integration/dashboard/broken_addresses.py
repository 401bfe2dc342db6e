"""The product's addresses, and two whose views fail."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from project.urls import handler500

__all__ = ["handler500", "urlpatterns"]


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("as no view should")


urlpatterns = [path("api/broken/", fail), path("broken/", fail), path("", include("project.urls"))]
