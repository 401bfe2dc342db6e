"""sites/{id}/mappings/."""

from collections.abc import Callable
from typing import Any

import msgspec
from django.db import IntegrityError
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from mqtt_app.api.errors import Conflict
from mqtt_app.api.permissions import Needs
from mqtt_app.api.serializers.mappings import (
    ActivateSerializer,
    ActivationSerializer,
    DryRunSerializer,
    MappingRevisionSerializer,
    MappingSerializer,
    MappingTrialSerializer,
    MappingVersionSerializer,
    ProposalSerializer,
    ProposeSerializer,
)
from mqtt_app.api.views.base import SiteScoped
from mqtt_app.domain.access import Action
from mqtt_app.domain.dead_letters.selection import Selection
from mqtt_app.models import MappingVersion, PayloadMapping
from mqtt_app.parsers.mapping.definition import as_json
from mqtt_app.parsers.mapping.errors import MappingError
from mqtt_app.selectors.dead_letters import selected
from mqtt_app.selectors.mappings import mappings_of, version_of
from mqtt_app.services.mappings import rows, trial

TAKEN = "This site has a mapping of this name. Choose another, or change that one."


class MappingScoped(SiteScoped):
    serializer_class: Any = MappingSerializer
    queryset = PayloadMapping.objects.none()
    needs: Needs = {method: (Action.CONFIGURE,) for method in ("POST", "PUT", "PATCH", "DELETE")}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[PayloadMapping]:
        return mappings_of(self.get_site().pk)

    def get_object(self) -> PayloadMapping:
        number = self.kwargs["pk"]
        found = self.get_queryset().filter(pk=number).first()
        if found is None:
            raise NotFound(f"This site has no mapping {number}.")
        return found


class MappingListView(MappingScoped, generics.ListCreateAPIView[PayloadMapping]):
    """A new one reads nothing until it is activated."""

    def perform_create(self, serializer: BaseSerializer[PayloadMapping]) -> None:
        values = serializer.validated_data
        site = self.get_site()
        try:
            made = rows.create(site, values["name"], values["definition"], values.get("note", ""))
        except IntegrityError:
            raise ValidationError({"name": [TAKEN]}) from None
        except rows.MappingRefusedError as error:
            raise Conflict(str(error)) from error
        serializer.instance = mappings_of(site.pk).get(pk=made.pk)


class MappingView(MappingScoped, generics.RetrieveUpdateDestroyAPIView[PayloadMapping]):
    """PUT adds a version, which reads nothing until it is activated."""

    serializer_class = MappingRevisionSerializer
    http_method_names = ("get", "head", "options", "put", "delete")

    def perform_update(self, serializer: BaseSerializer[PayloadMapping]) -> None:
        mapping = serializer.instance
        assert mapping is not None
        values = serializer.validated_data
        rows.revise(mapping, values["definition"], values.get("note", ""))
        serializer.instance = self.get_object()

    def perform_destroy(self, instance: PayloadMapping) -> None:
        _refusing(rows.delete, instance)


class MappingVersionListView(MappingScoped, generics.ListAPIView[MappingVersion]):
    serializer_class = MappingVersionSerializer
    ordering = ("-number",)

    def get_queryset(self) -> Any:
        if "pk" not in self.kwargs:
            return MappingVersion.objects.none()
        mapping = mappings_of(self.get_site().pk).filter(pk=self.kwargs["pk"]).first()
        if mapping is None:
            raise NotFound(f"This site has no mapping {self.kwargs['pk']}.")
        return MappingVersion.objects.filter(mapping=mapping)

    @extend_schema(operation_id="sites_mappings_versions_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All versions, newest first. They are never changed."""
        return self.list(request, *args, **kwargs)


class ActivateMappingView(MappingScoped):
    serializer_class = ActivateSerializer

    @extend_schema(
        operation_id="sites_mappings_activate",
        request=ActivateSerializer,
        responses=ActivationSerializer,
    )
    def post(self, request: Request, site_id: int, pk: int) -> Response:
        """Let it read the topics of its filter from now on, but for those that are pinned to
        another parser or forbid it.
        """
        form = ActivateSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        mapping = self.get_object()
        done = _refusing(rows.activate, mapping, form.validated_data.get("version"))
        return Response(_activation(mapping, done))


class DeactivateMappingView(MappingScoped):
    takes_no_body = True
    serializer_class = ActivationSerializer

    @extend_schema(
        operation_id="sites_mappings_deactivate", request=None, responses=ActivationSerializer
    )
    def post(self, request: Request, site_id: int, pk: int) -> Response:
        """Its topics are recognised anew by their next message."""
        mapping = self.get_object()
        done = _refusing(rows.deactivate, mapping)
        return Response(_activation(mapping, done))


class ProposeMappingView(MappingScoped):
    serializer_class = ProposeSerializer
    needs: Needs = {"POST": (Action.ATTEND,)}

    @extend_schema(
        operation_id="sites_mappings_propose",
        request=ProposeSerializer,
        responses=ProposalSerializer,
    )
    def post(self, request: Request, site_id: int) -> Response:
        """A definition made from the stored samples of a filter. Nothing is stored."""
        form = ProposeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            found = trial.propose_for(self.get_site(), form.validated_data["filter"])
        except MappingError as error:
            raise ValidationError({error.field: [str(error)]}) from None
        definition = found.proposal.definition
        answer = {
            "samples": found.samples,
            "definition": definition and as_json(definition),
            "notes": list(found.proposal.notes),
        }
        return Response(answer)


class DryRunMappingView(MappingScoped):
    serializer_class = DryRunSerializer
    needs: Needs = {"POST": (Action.ATTEND,)}

    @extend_schema(
        operation_id="sites_mappings_dry_run",
        request=DryRunSerializer,
        responses=MappingTrialSerializer,
    )
    def post(self, request: Request, site_id: int) -> Response:
        """What a definition makes of the stored samples of its filter, beside what their present
        parsers make of them. Nothing is stored.
        """
        form = DryRunSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        found = trial.try_definition(self.get_site(), form.validated_data["definition"])
        return Response(msgspec.to_builtins(found))


def _refusing(act: Callable[..., Any], *values: Any) -> Any:
    try:
        return act(*values)
    except rows.MappingRefusedError as error:
        raise Conflict(str(error)) from error


def _activation(mapping: PayloadMapping, done: rows.Activation) -> Any:
    mapping.refresh_from_db()
    version = version_of(mapping, mapping.active_version)
    assert version is not None
    topic_filter = rows.compiled(version.definition).topic_filter
    waiting = selected(mapping.site_id, Selection(topic_filter=topic_filter)).count()
    values = {
        "taken": done.taken,
        "freed": done.freed,
        "active_version": mapping.active_version,
        "filter": topic_filter,
        "waiting": waiting,
    }
    return ActivationSerializer(values).data
