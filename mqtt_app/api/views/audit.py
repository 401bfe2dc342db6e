from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from mqtt_app.api.permissions import SuperuserWrites
from mqtt_app.api.serializers.audit import AuditEntrySerializer
from mqtt_app.api.serializers.queries import AuditQuery
from mqtt_app.api.views.base import read_query
from mqtt_app.models import AuditEntry
from mqtt_app.selectors.audit import entries, sites_audited_by
from mqtt_app.selectors.visibility import sites_visible_to

_NOT_MANAGER = "Only managers of a site, and superusers, read who changed what."


class AuditListView(generics.ListAPIView[AuditEntry]):
    serializer_class = AuditEntrySerializer
    permission_classes = (IsAuthenticated, SuperuserWrites)
    queryset = AuditEntry.objects.none()
    ordering = ("-at", "-id")

    def get_queryset(self) -> QuerySet[AuditEntry]:
        query = read_query(AuditQuery, self.request)
        self._check_site(query.get("site"))
        renamed = {"from": "start", "to": "end", "user": "user_name"}
        return entries(self.request.user, **{renamed.get(name, name): value for name, value in query.items()})

    @extend_schema(operation_id="audit_list", parameters=[AuditQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who changed what, when and from where, newest first. Managers see their sites, superusers everything."""
        return self.list(request, *args, **kwargs)

    def _check_site(self, site: int | None) -> None:
        """Superusers may ask for a site that was deleted: its entries outlive it."""
        user = self.request.user
        if site is None or user.is_superuser or sites_audited_by(user).filter(pk=site).exists():
            return
        if sites_visible_to(user).filter(pk=site).exists():
            raise PermissionDenied(_NOT_MANAGER)
        raise NotFound(f"There is no site {site}.")
