"""How a view reaches what hangs on a site: always through what its user may see."""

from typing import Any, TypeVar

from django.db.models import QuerySet
from rest_framework import generics, serializers
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from mqtt_app.api.permissions import ByRole, Needs
from mqtt_app.api.strict import StrictView
from mqtt_app.models import MqttConnection, Site
from mqtt_app.selectors.connections import without_secrets
from mqtt_app.selectors.visibility import viewer_of

Query = TypeVar("Query", bound=serializers.Serializer[Any])


def read_query(form: type[Query], request: Request) -> dict[str, Any]:
    """The query string, checked; ValidationError names the parameter. Parameters that were left out
    are not in it.
    """
    view = request.parser_context.get("view")
    query = form(data=request.query_params.dict(), context={"view": view})
    query.is_valid(raise_exception=True)
    found: dict[str, Any] = query.validated_data
    return {name: value for name, value in found.items() if value is not None}


class SiteScoped(StrictView, generics.GenericAPIView[Any]):
    """Below sites/{site_id}/. A site that is not there and a foreign one look the same."""

    permission_classes: Any = (IsAuthenticated, ByRole)
    needs: Needs = {}
    site_kwarg = "site_id"

    def get_site(self) -> Site:
        number: int = self.kwargs["site_id"]
        site = viewer_of(self.request).sites().filter(pk=number).first()
        if site is None:
            raise NotFound(f"There is no site {number}.")
        return site

    def get_connection(self) -> MqttConnection:
        site = self.get_site()
        connection = without_secrets().filter(site=site).first()
        if connection is None:
            raise NotFound(
                f"Site {site.pk} has no connection. Make one by PUT sites/{site.pk}/connection/."
            )
        connection.site = site
        return connection

    def get_queryset(self) -> QuerySet[Any]:
        """Views without a list have nothing to filter; the schema generator asks all the same."""
        return Site.objects.none()
