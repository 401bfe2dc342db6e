from http import HTTPStatus
from typing import Any

from django.db import IntegrityError
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from mqtt_app.api.errors import Conflict
from mqtt_app.api.serializers.connections import ConnectionSerializer
from mqtt_app.api.views.base import SiteScoped
from mqtt_app.domain.access import Action
from mqtt_app.models import MqttConnection
from mqtt_app.selectors.connections import without_secrets
from mqtt_app.selectors.disclosure import conceal, sees_failures
from mqtt_app.selectors.status.sites import effective_statuses
from mqtt_app.services import sites


class ConnectionView(SiteScoped):
    serializer_class = ConnectionSerializer
    needs = {"PUT": (Action.CONFIGURE,), "PATCH": (Action.CONFIGURE,)}

    def get_object(self) -> MqttConnection:
        return self.get_connection()

    @extend_schema(operation_id="sites_connection_retrieve")
    def get(self, request: Request, site_id: int) -> Response:
        return self.shown(self.get_connection())

    @extend_schema(
        operation_id="sites_connection_put",
        responses={200: ConnectionSerializer, 201: ConnectionSerializer},
    )
    def put(self, request: Request, site_id: int) -> Response:
        """Make the connection (201), or write all of its required fields (200). What is left out
        stays as it is.
        """
        site = self.get_site()
        connection = without_secrets().select_related("site").filter(site=site).first()
        if connection is not None:
            return self.shown(self.write(connection, request, partial=False))
        form = self.checked(ConnectionSerializer(data=request.data))
        try:
            return self.shown(
                sites.create_connection(site, form.validated_data), HTTPStatus.CREATED
            )
        except IntegrityError:
            raise Conflict from None

    @extend_schema(operation_id="sites_connection_patch")
    def patch(self, request: Request, site_id: int) -> Response:
        return self.shown(self.write(self.get_connection(), request, partial=True))

    def write(
        self, connection: MqttConnection, request: Request, *, partial: bool
    ) -> MqttConnection:
        form = self.checked(ConnectionSerializer(connection, data=request.data, partial=partial))
        for name, value in form.validated_data.items():
            setattr(connection, name, value)
        return sites.save_connection(connection, list(form.validated_data))

    def checked(self, form: ConnectionSerializer) -> ConnectionSerializer:
        form.is_valid(raise_exception=True)
        return form

    def shown(self, connection: MqttConnection, status: int = HTTPStatus.OK) -> Response:
        if not sees_failures(self.request.user):
            conceal(connection)
        context: dict[str, Any] = {"statuses": effective_statuses([connection])}
        return Response(ConnectionSerializer(connection, context=context).data, status=status)
