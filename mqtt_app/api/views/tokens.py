"""A user's own tokens. Of others' they know nothing; superusers see all in the admin."""

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from mqtt_app.api.serializers.auth import (
    ApiTokenSerializer,
    MadeTokenSerializer,
    NewTokenSerializer,
    rights_asked,
)
from mqtt_app.api.strict import StrictView
from mqtt_app.models import ApiToken
from mqtt_app.selectors.visibility import viewer_of
from mqtt_app.services.accounts import tokens


class OwnTokens(StrictView, generics.GenericAPIView[ApiToken]):
    permission_classes = (IsAuthenticated,)
    serializer_class = ApiTokenSerializer

    def get_queryset(self) -> QuerySet[ApiToken]:
        user: Any = self.request.user
        return tokens.tokens_of(user) if user.is_authenticated else ApiToken.objects.none()

    def credential(self) -> ApiToken | None:
        """The token that this request came with; None for a session."""
        return self.request.auth if isinstance(self.request.auth, ApiToken) else None


class TokenListView(OwnTokens):
    ordering = ("-created", "-id")

    def pages(self) -> bool:
        return True

    @extend_schema(operation_id="tokens_list", responses=ApiTokenSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The tokens of whoever asks, newest first. None of them can be shown again."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="tokens_create",
        request=NewTokenSerializer,
        responses={
            201: MadeTokenSerializer,
            403: OpenApiResponse(description="It would allow more than the token of this request."),
            409: OpenApiResponse(description="The user has as many tokens as there may be."),
        },
    )
    def post(self, request: Request) -> Response:
        """Make a token. `token` is in this answer and nowhere else."""
        form = NewTokenSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        self._check_sites(values["site_ids"])
        user: Any = request.user
        asked = rights_asked(values, timezone.now())
        try:
            row, text = tokens.make(user, values["name"], asked, by=self.credential())
        except tokens.NotPermitted as why:
            raise PermissionDenied(str(why)) from None
        except tokens.TooManyTokens as full:
            return Response({"detail": full.message}, status=HTTPStatus.CONFLICT)
        return Response({**self.get_serializer(row).data, "token": text}, status=HTTPStatus.CREATED)

    def _check_sites(self, site_ids: list[int] | None) -> None:
        if site_ids is None:
            return
        visible = set(
            viewer_of(self.request).sites().filter(pk__in=site_ids).values_list("pk", flat=True)
        )
        missing = sorted(set(site_ids) - visible)
        if missing:
            raise ValidationError({"site_ids": [f"There is no site {missing[0]}."]})


class TokenView(OwnTokens):
    @extend_schema(operation_id="tokens_retrieve", responses=ApiTokenSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        operation_id="tokens_destroy",
        responses={
            204: None,
            403: OpenApiResponse(description="It allows more than the token of this request."),
        },
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Revoke a token: it ends at once."""
        try:
            tokens.revoke(self.get_object(), by=self.credential())
        except tokens.NotPermitted as why:
            raise PermissionDenied(str(why)) from None
        return Response(status=HTTPStatus.NO_CONTENT)
