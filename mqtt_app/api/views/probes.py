from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import APIException
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from mqtt_app.api.permissions import ByRole, Needs
from mqtt_app.api.serializers.operations import OperationSerializer
from mqtt_app.api.serializers.probes import ConnectionTestSerializer
from mqtt_app.api.strict import StrictView
from mqtt_app.api.views.base import SiteScoped
from mqtt_app.api.views.operations import accepted
from mqtt_app.domain.access import Action
from mqtt_app.models import Operation
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
        form = ConnectionTestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        settings = dict(form.validated_data)
        filters = settings.pop("filters", [])
        listen = settings.pop("listen", 0)
        return begun(request, lambda: requests.begin_test(settings, filters, listen))


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
