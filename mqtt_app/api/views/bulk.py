from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from mqtt_app.api.permissions import ByRole, Needs
from mqtt_app.api.serializers.bulk import MAX_SITES, TOO_MANY, BulkSerializer
from mqtt_app.api.serializers.operations import OperationSerializer
from mqtt_app.api.strict import StrictView
from mqtt_app.api.views.operations import accepted
from mqtt_app.domain.access import Action
from mqtt_app.domain.audit import several
from mqtt_app.domain.operations import OperationKind
from mqtt_app.models import Operation, Site
from mqtt_app.selectors.visibility import Viewer, viewer_of
from mqtt_app.services.operations import bulk

_LOOKUPS = {
    "is_active": "is_active",
    "wanted": "connection__is_active",
    "status": "connection__status",
    "search": "name__icontains",
}


class BulkView(StrictView, generics.GenericAPIView[Operation]):
    serializer_class = BulkSerializer
    permission_classes = (IsAuthenticated, ByRole)
    needs: Needs = {"POST": (Action.SWITCH,)}
    tells_nobody = True
    queryset = Operation.objects.none()

    @extend_schema(
        operation_id="sites_bulk", request=BulkSerializer, responses={202: OperationSerializer}
    )
    def post(self, request: Request) -> Response:
        """Start, stop or restart up to 10,000 links, as one operation with progress."""
        form = BulkSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        viewer = viewer_of(request)
        if "ids" in form.validated_data:
            site_ids = _named(viewer, form.validated_data["ids"])
        else:
            site_ids = _matching(viewer, form.validated_data["filter"])
        operation = bulk.begin(OperationKind(form.validated_data["action"]), site_ids)
        context = {"request": request}
        return accepted(operation, OperationSerializer(operation, context=context).data)


def _named(viewer: Viewer, ids: list[int]) -> list[int]:
    seen = set(viewer.sites().filter(pk__in=ids).order_by().values_list("pk", flat=True))
    missing = [site_id for site_id in ids if site_id not in seen]
    if missing:
        raise ValidationError({"ids": [f"There are no sites {several(missing)}."]})
    refused = [site_id for site_id in ids if not viewer.may(Action.SWITCH, site_id)]
    if refused:
        reason = viewer.refusal(Action.SWITCH, refused[0])
        raise PermissionDenied(f"Sites {several(refused)}: {reason}")
    return ids


def _matching(viewer: Viewer, values: dict[str, Any]) -> list[int]:
    permitted = viewer.permitted(Site.objects.filter(connection__isnull=False), "pk", Action.SWITCH)
    found = permitted.filter(**{_LOOKUPS[name]: value for name, value in values.items()})
    ids = list(found.order_by("pk").values_list("pk", flat=True)[: MAX_SITES + 1])
    if len(ids) > MAX_SITES:
        raise ValidationError({"filter": [TOO_MANY.format(number=found.count())]})
    return ids
