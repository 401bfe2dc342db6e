"""sites/{id}/tail/ and sites/{id}/capture/."""

import time
from http import HTTPStatus
from typing import Any

import redis
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from mqtt_app.api.errors import Conflict
from mqtt_app.api.permissions import Needs
from mqtt_app.api.serializers.watching import (
    CapturedSerializer,
    CaptureSerializer,
    TailQuery,
    TailSerializer,
)
from mqtt_app.api.views.base import SiteScoped, read_query
from mqtt_app.coordination.tails import TTL, Tail, TooManyTailsError, look
from mqtt_app.domain.access import Action
from mqtt_app.services import sites


class RedisAway(APIException):
    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = "Redis does not answer, and a tail goes through it. Try again."
    default_code = "redis_away"


class TailView(SiteScoped):
    serializer_class = TailSerializer
    query_form = TailQuery

    @extend_schema(
        operation_id="sites_tail",
        parameters=[TailQuery],
        responses={200: TailSerializer, 409: OpenApiResponse(description="Too many are open.")},
    )
    def get(self, request: Request, site_id: int) -> Response:
        """Have the WebSocket send what arrives on a filter, as `tail` events, for some seconds; ask
        again to go on. At most 20 messages a second are shown, and the number of the others.
        """
        site = self.get_site()
        topic_filter = read_query(TailQuery, request).get("filter", "#")
        try:
            look(Tail(site.pk, topic_filter), time.time())
        except TooManyTailsError as error:
            raise Conflict(str(error)) from error
        except redis.RedisError:
            raise RedisAway from None
        values = {"site": site.pk, "filter": topic_filter, "seconds": int(TTL)}
        return Response(TailSerializer(values).data)


class CaptureView(SiteScoped):
    serializer_class: Any = CaptureSerializer
    needs: Needs = {"POST": (Action.ATTEND,)}

    @extend_schema(
        operation_id="sites_capture", request=CaptureSerializer, responses=CapturedSerializer
    )
    def post(self, request: Request, site_id: int) -> Response:
        """Keep messages of topics that no parser reads for some minutes, as dead letters, so that
        they can be replayed once a mapping or a parser reads them.
        """
        form = CaptureSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        until = sites.capture(self.get_site(), form.validated_data["minutes"])
        return Response(CapturedSerializer({"capture_until": until}).data)
