"""sites/{id}/dead-letters/: messages that were not stored, and their replay."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from mqtt_app.api.errors import Conflict
from mqtt_app.api.permissions import ByRole, Needs
from mqtt_app.api.serializers.dead_letters import (
    DeadLetterDetailSerializer,
    DeadLetterSerializer,
    DeadLettersQuery,
    ReplaySerializer,
    selection_of,
)
from mqtt_app.api.serializers.operations import OperationSerializer
from mqtt_app.api.strict import StrictView
from mqtt_app.api.views.base import SiteScoped, read_query
from mqtt_app.api.views.operations import accepted
from mqtt_app.domain.access import Action
from mqtt_app.domain.operations import OperationKind
from mqtt_app.models import DeadLetter, Operation
from mqtt_app.selectors.dead_letters import SIZE, selected
from mqtt_app.selectors.operations import visible_operations
from mqtt_app.selectors.visibility import viewer_of
from mqtt_app.services.replay import requests


class DeadLetterListView(SiteScoped, generics.ListAPIView[DeadLetter]):
    serializer_class = DeadLetterSerializer
    query_form = DeadLettersQuery
    queryset = DeadLetter.objects.none()
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[DeadLetter]:
        query = read_query(DeadLettersQuery, self.request)
        site = self.get_site()
        found = selected(site.pk, selection_of(query, site))
        return found.defer("payload").annotate(size=SIZE)

    @extend_schema(operation_id="sites_dead_letters_list", parameters=[DeadLettersQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Messages that were not stored, newest first, kept for the site's `dead_letter_days`."""
        return self.list(request, *args, **kwargs)


class DeadLetterView(SiteScoped):
    serializer_class = DeadLetterDetailSerializer
    queryset = DeadLetter.objects.none()

    @extend_schema(operation_id="sites_dead_letters_retrieve")
    def get(self, request: Request, site_id: int, pk: int) -> Response:
        """One of them, with its payload."""
        found = self.get_site().dead_letters.filter(pk=pk).annotate(size=SIZE).first()
        if found is None:
            raise NotFound(f"This site has no dead letter {pk}.")
        return Response(self.get_serializer(found).data)


class ReplayView(SiteScoped):
    serializer_class = ReplaySerializer
    needs: Needs = {"POST": (Action.ATTEND,)}

    @extend_schema(
        operation_id="sites_dead_letters_replay",
        request=ReplaySerializer,
        responses={202: OperationSerializer},
    )
    def post(self, request: Request, site_id: int) -> Response:
        """Parse and store dead letters once more, at their time of receipt and behind what is new,
        as an operation with progress; with `dry_run`, only show what would come of up to 1,000 of
        them.
        """
        form = ReplaySerializer(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        values = form.validated_data
        site = self.get_site()
        try:
            operation = requests.begin(
                site,
                selection_of(values, site),
                values.get("parser", ""),
                is_trial=values["dry_run"],
            )
        except requests.ReplayError as error:
            raise ValidationError(str(error)) from error
        context = {"request": request}
        return accepted(operation, OperationSerializer(operation, context=context).data)


class ReplayActionView(StrictView, generics.GenericAPIView[Operation]):
    """Below operations/{id}/, for replays."""

    takes_no_body = True
    serializer_class = OperationSerializer
    permission_classes = (IsAuthenticated, ByRole)
    needs: Needs = {"POST": (Action.ATTEND,)}
    site_of_object = True
    queryset = Operation.objects.none()

    def get_object(self) -> Operation:
        pk = self.kwargs["pk"]
        found = visible_operations(viewer_of(self.request), {}).filter(pk=pk).first()
        if found is None:
            raise NotFound(f"There is no operation {pk}.")
        self.check_object_permissions(self.request, found)
        if found.kind != OperationKind.REPLAY:
            raise Conflict("Only a replay is stopped and resumed.")
        return found


class StopReplayView(ReplayActionView):
    @extend_schema(
        operation_id="operations_stop", request=None, responses={200: OperationSerializer}
    )
    def post(self, request: Request, pk: Any) -> Response:
        """Stop a replay: what is stored stays, the rest stays dead letters."""
        return _answer(self, requests.stop)


class ResumeReplayView(ReplayActionView):
    @extend_schema(
        operation_id="operations_resume", request=None, responses={202: OperationSerializer}
    )
    def post(self, request: Request, pk: Any) -> Response:
        """Go on with a replay that was stopped."""
        answer = _answer(self, requests.resume)
        operation = self.get_object()
        return accepted(operation, answer.data)


def _answer(view: ReplayActionView, act: Any) -> Response:
    try:
        operation = act(view.get_object())
    except requests.ReplayError as error:
        raise Conflict(str(error)) from error
    return Response(view.get_serializer(operation).data)
