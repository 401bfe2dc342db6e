from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from mqtt_app.api.permissions import ByRole, Needs
from mqtt_app.api.serializers.parsers import TrialRequestSerializer, TrialSerializer
from mqtt_app.api.strict import StrictView
from mqtt_app.domain.access import Action
from mqtt_app.parsers.base import Message
from mqtt_app.services.parser_trial import as_json, try_message


class TryParsersView(StrictView):
    """For operators of any site: it runs parsers, as having messages parsed again does."""

    permission_classes: Any = (IsAuthenticated, ByRole)
    needs: Needs = {"POST": (Action.ATTEND,)}

    @extend_schema(
        operation_id="parsers_try", request=TrialRequestSerializer, responses=TrialSerializer
    )
    def post(self, request: Request) -> Response:
        """Which parsers claim one message with what confidence, and the facts or the error of the
        surest. Nothing is stored.
        """
        form = TrialRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        message = Message(
            values["topic"],
            values["payload"],
            timezone.now().timestamp(),
            values["retain"],
            values["time_zone"],
        )
        return Response(as_json(try_message(message)))
