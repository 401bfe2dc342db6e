"""problems/."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from mqtt_app.api.permissions import ByRole, Needs
from mqtt_app.api.serializers.problems import ProblemSerializer, ProblemsQuery
from mqtt_app.api.strict import StrictView
from mqtt_app.api.views.base import read_query
from mqtt_app.domain.access import Action
from mqtt_app.models import Problem
from mqtt_app.selectors.problems import conceal, problems
from mqtt_app.selectors.visibility import viewer_of
from mqtt_app.services.problems import decisions


class ProblemListView(StrictView, generics.ListAPIView[Problem]):
    permission_classes = (IsAuthenticated, ByRole)
    serializer_class = ProblemSerializer
    query_form = ProblemsQuery
    queryset = Problem.objects.none()
    ordering = ("-last_at", "-id")

    def get_queryset(self) -> QuerySet[Problem]:
        query = read_query(ProblemsQuery, self.request)
        viewer = viewer_of(self.request)
        site = query.get("site")
        if site is not None and not viewer.sites().filter(pk=site).exists():
            raise NotFound(f"There is no site {site}.")
        return problems(viewer, timezone.now(), **query)

    def paginate_queryset(self, queryset: Any) -> Any:
        return conceal(super().paginate_queryset(queryset) or [], viewer_of(self.request))

    @extend_schema(operation_id="problems_list", parameters=[ProblemsQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What is wrong, each cause once, newest first."""
        return self.list(request, *args, **kwargs)


class ProblemView(StrictView, generics.RetrieveUpdateAPIView[Problem]):
    """People write its state, until when it is ignored, and a note."""

    permission_classes = (IsAuthenticated, ByRole)
    serializer_class = ProblemSerializer
    queryset = Problem.objects.none()
    http_method_names = ("get", "head", "options", "patch")
    needs: Needs = {"PATCH": (Action.ATTEND,)}
    site_of_object = True

    def get_object(self) -> Problem:
        pk = self.kwargs["pk"]
        viewer = viewer_of(self.request)
        found = problems(viewer, timezone.now()).filter(pk=pk).first()
        if found is None:
            raise NotFound(f"There is no problem {pk}.")
        self.check_object_permissions(self.request, found)
        return conceal([found], viewer)[0]

    def perform_update(self, serializer: BaseSerializer[Problem]) -> None:
        problem = serializer.instance
        assert problem is not None
        decided = decisions.decide(problem, serializer.validated_data)
        serializer.instance = conceal([decided], viewer_of(self.request))[0]
