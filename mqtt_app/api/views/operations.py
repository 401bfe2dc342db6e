from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from mqtt_app.api.permissions import ByRole
from mqtt_app.api.serializers.operations import OperationSerializer
from mqtt_app.api.serializers.queries import OperationsQuery
from mqtt_app.api.strict import StrictView
from mqtt_app.api.views.base import read_query
from mqtt_app.domain.operations import OPEN, RETRY_AFTER
from mqtt_app.models import Operation
from mqtt_app.selectors.operations import as_of, visible_operations
from mqtt_app.selectors.visibility import viewer_of


def accepted(operation: Operation, body: Any) -> Response:
    """202 with the address at which the operation is followed, and when to look first."""
    headers = {
        "Location": reverse("operation", kwargs={"pk": operation.pk}),
        "Retry-After": str(RETRY_AFTER),
    }
    return Response(body, status=HTTPStatus.ACCEPTED, headers=headers)


class OperationListView(StrictView, generics.ListAPIView[Operation]):
    serializer_class = OperationSerializer
    query_form = OperationsQuery
    permission_classes = (IsAuthenticated, ByRole)
    ordering = ("-created_at", "-id")
    queryset = Operation.objects.none()

    def get_queryset(self) -> QuerySet[Operation]:
        viewer = viewer_of(self.request)
        query = read_query(OperationsQuery, self.request)
        site = query.get("site")
        if site is not None and not viewer.sites().filter(pk=site).exists():
            raise NotFound(f"There is no site {site}.")
        return visible_operations(viewer, query)

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        return as_of(page or [], timezone.now())

    @extend_schema(operation_id="operations_list", parameters=[OperationsQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What was asked for within the last seven days, newest first."""
        return self.list(request, *args, **kwargs)


class OperationView(StrictView, generics.GenericAPIView[Operation]):
    serializer_class = OperationSerializer
    permission_classes = (IsAuthenticated, ByRole)
    queryset = Operation.objects.none()

    @extend_schema(operation_id="operations_retrieve")
    def get(self, request: Request, pk: Any) -> Response:
        """How something that was asked for gets on. Kept for seven days."""
        found = visible_operations(viewer_of(request), {}).filter(pk=pk).first()
        if found is None:
            raise NotFound(f"There is no operation {pk}.")
        (operation,) = as_of([found], timezone.now())
        answer = Response(self.get_serializer(operation).data)
        if operation.state in OPEN:
            answer["Retry-After"] = str(RETRY_AFTER)
        return answer
