from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from mqtt_app.api.permissions import ByRole, Needs
from mqtt_app.api.serializers.operations import OperationSerializer
from mqtt_app.api.serializers.probes import ConnectionTestSerializer, settings_of
from mqtt_app.api.serializers.queries import MAX_BIGINT
from mqtt_app.api.strict import StrictView
from mqtt_app.api.views.base import SiteScoped
from mqtt_app.api.views.operations import accepted
from mqtt_app.domain.access import Action
from mqtt_app.models import MqttConnection, Operation
from mqtt_app.selectors.visibility import viewer_of
from mqtt_app.services.probes import requests
from mqtt_app.services.probes.requests import TooManyTestsError

RESPONSES = {
    202: OperationSerializer,
    429: OpenApiResponse(description="Too many tests run or wait already."),
}


class TooManyTests(APIException):
    status_code = HTTPStatus.TOO_MANY_REQUESTS
    default_code = "too_many_tests"


def begun(request: Request, begin: Callable[[], Operation]) -> Response:
    try:
        operation = begin()
    except TooManyTestsError as error:
        raise TooManyTests(str(error)) from None
    body = OperationSerializer(operation, context={"request": request}).data
    return accepted(operation, body)


class ConnectionTestView(StrictView):
    """For managers of any site: who may enter settings may try them first."""

    permission_classes: Any = (IsAuthenticated, ByRole)
    needs: Needs = {"POST": (Action.CONFIGURE,)}

    @extend_schema(
        operation_id="connections_test", request=ConnectionTestSerializer, responses=RESPONSES
    )
    def post(self, request: Request) -> Response:
        """Try settings of a connection, stage by stage; nothing is saved. The operation has the
        results, which grow while it runs.
        """
        stored = self._stored(request)
        form = ConnectionTestSerializer(stored, data=request.data, partial=stored is not None)
        form.is_valid(raise_exception=True)
        filters = form.validated_data.get("filters", [])
        listen = form.validated_data.get("listen", 0)
        settings = settings_of(form)
        return begun(request, lambda: requests.begin_test(settings, filters, listen))

    def _stored(self, request: Request) -> MqttConnection | None:
        """The connection of the site that the body names, for those who may write it."""
        if not isinstance(request.data, dict) or "site" not in request.data:
            return None
        number = serializers.IntegerField(min_value=1, max_value=MAX_BIGINT)
        viewer = viewer_of(request)
        try:
            site_id = number.run_validation(request.data["site"])
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"site": error.detail}) from None
        found = MqttConnection.objects.filter(site_id=site_id).first()
        if found is None or not viewer.may(Action.CONFIGURE, site_id):
            said = f"There is no site {site_id} with a connection that you may write."
            raise serializers.ValidationError({"site": [said]})
        return found


class ExplainView(SiteScoped):
    takes_no_body = True
    serializer_class = OperationSerializer
    needs = {"POST": (Action.ATTEND,)}

    @extend_schema(operation_id="sites_explain", request=None, responses=RESPONSES)
    def post(self, request: Request, site_id: int) -> Response:
        """Find out, stage by stage, why the site's connection does not work. The running link is not
        disturbed. The operation has the results, which grow while it runs.
        """
        site = self.get_connection().site
        return begun(request, lambda: requests.begin_explain(site))
