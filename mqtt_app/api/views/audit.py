from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from mqtt_app.api.permissions import ByRole
from mqtt_app.api.serializers.audit import AuditEntrySerializer
from mqtt_app.api.serializers.queries import AuditQuery
from mqtt_app.api.strict import StrictView
from mqtt_app.api.views.base import read_query
from mqtt_app.domain.access import Action
from mqtt_app.models import AuditEntry
from mqtt_app.selectors.audit import entries
from mqtt_app.selectors.visibility import viewer_of


class AuditListView(StrictView, generics.ListAPIView[AuditEntry]):
    serializer_class = AuditEntrySerializer
    query_form = AuditQuery
    permission_classes = (IsAuthenticated, ByRole)
    queryset = AuditEntry.objects.none()
    ordering = ("-at", "-id")

    def get_queryset(self) -> QuerySet[AuditEntry]:
        query = read_query(AuditQuery, self.request)
        self._check_site(query.get("site"))
        renamed = {"from": "start", "to": "end", "user": "user_name"}
        return entries(
            viewer_of(self.request),
            **{renamed.get(name, name): value for name, value in query.items()},
        )

    @extend_schema(operation_id="audit_list", parameters=[AuditQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who changed what, when and from where, newest first. Managers see their sites, superusers
        everything.
        """
        return self.list(request, *args, **kwargs)

    def _check_site(self, site: int | None) -> None:
        """Superusers may ask for a site that was deleted: its entries outlive it."""
        viewer = viewer_of(self.request)
        if site is None or viewer.may(Action.OVERSEE):
            return
        if not viewer.sees(site):
            raise NotFound(f"There is no site {site}.")
        if not viewer.may(Action.REVIEW, site):
            raise PermissionDenied(viewer.refusal(Action.REVIEW, site))
