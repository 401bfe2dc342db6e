from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import viewsets
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from mqtt_app.api.permissions import ByRole, Needs
from mqtt_app.api.serializers.queries import SitesQuery
from mqtt_app.api.serializers.sites import SiteSerializer, SwitchedSerializer
from mqtt_app.api.serializers.status import SiteStatusSerializer
from mqtt_app.api.strict import StrictView
from mqtt_app.api.views.base import SiteScoped, read_query
from mqtt_app.api.views.operations import accepted
from mqtt_app.domain.access import Action
from mqtt_app.models import Site
from mqtt_app.selectors.disclosure import sees_failures
from mqtt_app.selectors.status.sites import site_status
from mqtt_app.selectors.visibility import viewer_of
from mqtt_app.services import sites

CHANGES = (Action.CONFIGURE, Action.SWITCH)
"""Either of them opens a change of a site; which fields, `perform_update` looks at."""
SWITCH_RESPONSES = {
    202: SwitchedSerializer,
    200: OpenApiResponse(SwitchedSerializer, "It is so already."),
    404: OpenApiResponse(description="No such site, or it has no connection."),
}


class SiteViewSet(StrictView, viewsets.ModelViewSet[Site]):
    serializer_class = SiteSerializer
    query_form = SitesQuery
    permission_classes = (IsAuthenticated, ByRole)
    needs: Needs = {"PUT": CHANGES, "PATCH": CHANGES}
    site_kwarg = "pk"
    ordering = ("id",)
    queryset = Site.objects.none()

    def get_queryset(self) -> QuerySet[Site]:
        found = viewer_of(self.request).sites()
        if self.action != "list":
            return found
        query = read_query(SitesQuery, self.request)
        if "is_active" in query:
            found = found.filter(is_active=query["is_active"])
        if "search" in query:
            return found.filter(name__icontains=query["search"])
        return found

    def get_object(self) -> Site:
        site = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if site is None:
            raise NotFound(f"There is no site {self.kwargs['pk']}.")
        return site

    @extend_schema(parameters=[SitesQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    def perform_update(self, serializer: BaseSerializer[Site]) -> None:
        """`is_active` switches the site's link, so it is for those who may switch; the rest is
        configuration.
        """
        site = serializer.instance
        assert site is not None
        changed = {
            name
            for name, value in serializer.validated_data.items()
            if getattr(site, name) != value
        }
        needed = {Action.SWITCH if name == "is_active" else Action.CONFIGURE for name in changed}
        for action in sorted(needed):
            refusal = viewer_of(self.request).refusal(action, site.pk)
            if refusal:
                raise PermissionDenied(refusal)
        serializer.save()

    def perform_destroy(self, instance: Site) -> None:
        sites.delete_site(instance)


class SwitchView(SiteScoped):
    """Writes the wish and answers at once; an MQTT worker acts on it."""

    serializer_class = SwitchedSerializer
    needs = {"POST": (Action.SWITCH,)}
    tells_nobody = True
    takes_no_body = True
    to: bool
    verb: str
    participle: str

    def switch(self, request: Request) -> Response:
        connection = self.get_connection()
        result = (sites.start if self.to else sites.stop)(connection, request.user)
        changed = isinstance(result, sites.Changed)
        answer = {
            "success": True,
            "message": self.message(connection.site, changed),
            "connection": result.connection,
        }
        body = SwitchedSerializer(answer).data
        if isinstance(result, sites.Changed):
            return accepted(result.operation, body)
        return Response(body, status=HTTPStatus.OK)

    def message(self, site: Site, changed: bool) -> str:
        if not changed:
            said = f"MQTT connection for site {site.name} is already {self.participle}."
        elif self.to and not site.is_active:
            said = f"MQTT connection for site {site.name} will start within 30 seconds of the site being switched on..."
        else:
            said = f"MQTT connection for site {site.name} will {self.verb} within 30 seconds..."
        off = " The site itself is switched off (is_active is false), so nothing connects until it is switched on."
        return said + (off if self.to and not site.is_active else "")


class StartView(SwitchView):
    to, verb, participle = True, "start", "started"

    @extend_schema(operation_id="sites_start", request=None, responses=SWITCH_RESPONSES)
    def post(self, request: Request, site_id: int) -> Response:
        """Ask for the site's link. 202: asked; 200: it was already asked for."""
        return self.switch(request)


class StopView(SwitchView):
    to, verb, participle = False, "stop", "stopped"

    @extend_schema(operation_id="sites_stop", request=None, responses=SWITCH_RESPONSES)
    def post(self, request: Request, site_id: int) -> Response:
        """Take the wish back. 202: taken back; 200: nobody wanted the link."""
        return self.switch(request)


class RestartView(SiteScoped):
    serializer_class = SwitchedSerializer
    needs = {"POST": (Action.SWITCH,)}
    tells_nobody = True
    takes_no_body = True

    @extend_schema(operation_id="sites_restart", request=None, responses={202: SwitchedSerializer})
    def post(self, request: Request, site_id: int) -> Response:
        """Have the link made anew with the same settings; a stopped one is started."""
        result = sites.restart(self.get_connection(), request.user)
        name = result.connection.site.name
        answer = {
            "success": True,
            "message": f"MQTT connection for site {name} will restart within 30 seconds...",
            "connection": result.connection,
        }
        return accepted(result.operation, SwitchedSerializer(answer).data)


class StatusView(SiteScoped):
    serializer_class = SiteStatusSerializer

    @extend_schema(operation_id="sites_status", responses=SiteStatusSerializer)
    def get(self, request: Request, site_id: int) -> Response:
        """The evidence: what is wanted, who owns the link, is it up, what is subscribed, what
        flows.
        """
        return Response(
            SiteStatusSerializer(
                site_status(self.get_site(), detailed=sees_failures(request.user))
            ).data
        )
