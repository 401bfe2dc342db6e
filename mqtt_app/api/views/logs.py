from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from mqtt_app.api.permissions import ByRole
from mqtt_app.api.serializers.logs import ConnectionLogSerializer, ParsingLogSerializer
from mqtt_app.api.serializers.queries import ConnectionLogQuery, LogQuery, ParsingLogQuery
from mqtt_app.api.strict import StrictView
from mqtt_app.api.views.base import read_query
from mqtt_app.models import MqttConnectionLog, MqttParsingLog
from mqtt_app.selectors.logs import connection_logs, parsing_logs
from mqtt_app.selectors.visibility import viewer_of


class LogView(StrictView, generics.ListAPIView[Any]):
    permission_classes = (IsAuthenticated, ByRole)
    ordering = ("-timestamp", "-id")

    def query(self, form: type[LogQuery]) -> dict[str, Any]:
        """Keyword arguments for the selector. A site that is not there, or a foreign one, is said
        to be missing.
        """
        query = read_query(form, self.request)
        site = query.get("site")
        if site is not None and not viewer_of(self.request).sites().filter(pk=site).exists():
            raise NotFound(f"There is no site {site}.")
        renamed = {"from": "start", "to": "end"}
        return {renamed.get(name, name): value for name, value in query.items()}


class ConnectionLogListView(LogView):
    serializer_class = ConnectionLogSerializer
    query_form = ConnectionLogQuery
    queryset = MqttConnectionLog.objects.none()

    def get_queryset(self) -> QuerySet[MqttConnectionLog]:
        return connection_logs(viewer_of(self.request), **self.query(ConnectionLogQuery))

    @extend_schema(operation_id="connection_logs_list", parameters=[ConnectionLogQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What happened to links, newest first."""
        return self.list(request, *args, **kwargs)


class ParsingLogListView(LogView):
    serializer_class = ParsingLogSerializer
    query_form = ParsingLogQuery
    queryset = MqttParsingLog.objects.none()

    def get_queryset(self) -> QuerySet[MqttParsingLog]:
        return parsing_logs(viewer_of(self.request), **self.query(ParsingLogQuery))

    @extend_schema(operation_id="parsing_logs_list", parameters=[ParsingLogQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Messages that gave no readings, newest first."""
        return self.list(request, *args, **kwargs)
