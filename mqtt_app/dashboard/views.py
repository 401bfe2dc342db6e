"""Pages and their fragments. A fragment is the part of a page that changes, fetched again when
something happened.
"""

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from mqtt_app.dashboard.device import device_view
from mqtt_app.dashboard.devices import as_csv, devices_view, search_of
from mqtt_app.dashboard.overview import overview
from mqtt_app.dashboard.policy import fragment, page
from mqtt_app.dashboard.site import site_view
from mqtt_app.domain.access import Action
from mqtt_app.domain.link import ack_mode
from mqtt_app.domain.link.presets import PRESETS
from mqtt_app.selectors.connections import legible, without_secrets
from mqtt_app.selectors.visibility import viewer_of


@page
def overview_page(request: HttpRequest) -> HttpResponse:
    return _overview(request, "dashboard/overview.html")


@fragment
def overview_fragment(request: HttpRequest) -> HttpResponse:
    return _overview(request, "dashboard/overview_body.html")


@page
def wizard_page(request: HttpRequest) -> HttpResponse:
    """For those who may create sites; for others there is no such page."""
    if not viewer_of(request).may(Action.ADMINISTER):
        raise Http404("Sites are added by administrators.")
    return render(request, "dashboard/wizard.html", {"presets": PRESETS, "now": timezone.now()})


@page
def settings_page(request: HttpRequest, site_id: int) -> HttpResponse:
    """For managers; for others there is no such page."""
    viewer = viewer_of(request)
    site = get_object_or_404(viewer.sites(), pk=site_id)
    if not viewer.may(Action.CONFIGURE, site.pk):
        raise Http404("Settings are for managers of the site.")
    connection = without_secrets().filter(site=site).first()
    context = {
        "site": site,
        "ack_modes": ack_mode.CHOICES,
        "stored_password": connection is not None and legible(connection, "password") != "",
        "stored_key": connection is not None and legible(connection, "tls_client_key") != "",
        "now": timezone.now(),
    }
    return render(request, "dashboard/settings.html", context)


@page
def site_page(request: HttpRequest, site_id: int) -> HttpResponse:
    return _site(request, site_id, "dashboard/site.html")


@fragment
def site_fragment(request: HttpRequest, site_id: int) -> HttpResponse:
    return _site(request, site_id, "dashboard/site_body.html")


@page
def devices_page(request: HttpRequest) -> HttpResponse:
    view = devices_view(viewer_of(request), search_of(request.GET), request.GET.get("page", "1"))
    context = {"view": view, "now": timezone.now(), "query": _without(request.GET, "page")}
    return render(request, "dashboard/devices.html", context)


@fragment
def devices_csv(request: HttpRequest) -> HttpResponse:
    """All that the page's search finds, not only the page that is shown. In one piece: under ASGI
    Django reads a synchronous stream to its end before it sends anything, and warns.
    """
    lines = as_csv(viewer_of(request), search_of(request.GET))
    name = f"devices-{timezone.now():%Y-%m-%d}.csv"
    return HttpResponse(
        "".join(lines),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@page
def device_page(request: HttpRequest, pk: int) -> HttpResponse:
    return _device(request, pk, "dashboard/device.html")


@fragment
def device_fragment(request: HttpRequest, pk: int) -> HttpResponse:
    return _device(request, pk, "dashboard/device_body.html")


def _device(request: HttpRequest, pk: int, template: str) -> HttpResponse:
    now = timezone.now()
    view = device_view(viewer_of(request), pk, now)
    if view is None:
        raise Http404(f"There is no device {pk}.")
    return render(request, template, {"view": view, "now": now})


def _overview(request: HttpRequest, template: str) -> HttpResponse:
    query = request.GET
    view = overview(
        viewer_of(request),
        text=query.get("q", "").strip()[:200].replace("\0", ""),
        state=query.get("state", ""),
        sort=query.get("sort", ""),
        number=query.get("page", "1"),
    )
    return render(
        request, template, {"view": view, "now": timezone.now(), "query": _without(query, "page")}
    )


def _site(request: HttpRequest, site_id: int, template: str) -> HttpResponse:
    """A site that the user may not see does not exist for them: 404."""
    viewer = viewer_of(request)
    site = get_object_or_404(viewer.sites(), pk=site_id)
    query = request.GET
    view = site_view(
        site,
        viewer,
        text=query.get("topic", "").strip()[:200].replace("\0", ""),
        topic_page=query.get("topics", "1"),
        device_page=query.get("devices", "1"),
    )
    return render(request, template, {"view": view, "now": timezone.now()})


def _without(query: QueryDict, name: str) -> str:
    rest = query.copy()
    rest.pop(name, None)
    return rest.urlencode()
