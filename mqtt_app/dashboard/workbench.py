"""Pages about what arrives, how it is read, and what is wrong: topics, samples, mappings, problems."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from mqtt_app.dashboard.mappings import bench_view, mappings_view
from mqtt_app.dashboard.policy import fragment, page
from mqtt_app.dashboard.problems import problems_view
from mqtt_app.dashboard.topics import topic_view, topics_view
from mqtt_app.domain.access import Action
from mqtt_app.models import Site
from mqtt_app.selectors.visibility import viewer_of

LONGEST = 1_024  # characters of a filter or a prefix in an address


@page
def topics_page(request: HttpRequest, site_id: int) -> HttpResponse:
    view = topics_view(
        _site(request, site_id),
        viewer_of(request),
        text=_said(request, "q").strip(),
        prefix=_said(request, "prefix"),
    )
    return render(request, "dashboard/topics.html", {"view": view, "now": timezone.now()})


@page
def topic_page(request: HttpRequest, site_id: int, pk: int) -> HttpResponse:
    return _topic(request, site_id, pk, "dashboard/topic.html")


@fragment
def topic_fragment(request: HttpRequest, site_id: int, pk: int) -> HttpResponse:
    return _topic(request, site_id, pk, "dashboard/topic_body.html")


@page
def mappings_page(request: HttpRequest, site_id: int) -> HttpResponse:
    view = mappings_view(_site(request, site_id), viewer_of(request))
    return render(request, "dashboard/mappings.html", {"view": view, "now": timezone.now()})


@page
def bench_page(request: HttpRequest, site_id: int, pk: int | None = None) -> HttpResponse:
    site = _site(request, site_id)
    view = bench_view(site, viewer_of(request), pk, _said(request, "filter"))
    if view is None:
        raise Http404(f"This site has no mapping {pk}.")
    return render(request, "dashboard/mapping.html", {"view": view, "now": timezone.now()})


@page
def tail_page(request: HttpRequest, site_id: int) -> HttpResponse:
    site = _site(request, site_id)
    may_attend = viewer_of(request).may(Action.ATTEND, site.pk)
    now = timezone.now()
    context = {
        "site": site,
        "filter": _said(request, "filter") or "#",
        "may_attend": may_attend,
        "captures": site.capture_until is not None and site.capture_until > now,
        "now": now,
    }
    return render(request, "dashboard/tail.html", context)


@page
def problems_page(request: HttpRequest) -> HttpResponse:
    return _problems(request, "dashboard/problems.html")


@fragment
def problems_fragment(request: HttpRequest) -> HttpResponse:
    return _problems(request, "dashboard/problems_body.html")


def _problems(request: HttpRequest, template: str) -> HttpResponse:
    now = timezone.now()
    view = problems_view(
        viewer_of(request),
        now,
        state=_said(request, "state"),
        kind=_said(request, "kind"),
        text=_said(request, "q").strip()[:200],
    )
    return render(request, template, {"view": view, "now": now})


def _topic(request: HttpRequest, site_id: int, pk: int, template: str) -> HttpResponse:
    now = timezone.now()
    view = topic_view(_site(request, site_id), viewer_of(request), pk, now)
    if view is None:
        raise Http404(f"This site has no topic {pk}.")
    return render(request, template, {"view": view, "now": now})


def _site(request: HttpRequest, site_id: int) -> Site:
    """A site that the user may not see does not exist for them: 404."""
    return get_object_or_404(viewer_of(request).sites(), pk=site_id)


def _said(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "")[:LONGEST].replace("\0", "")
