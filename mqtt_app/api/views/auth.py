from http import HTTPStatus
from typing import Any

from django.contrib.auth import authenticate, logout
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from mqtt_app.api.serializers.auth import LoginSerializer, TokenSerializer, rights_asked
from mqtt_app.api.strict import StrictView
from mqtt_app.models import ApiToken
from mqtt_app.services import audit
from mqtt_app.services.accounts import logins, tokens
from mqtt_app.services.accounts.login_throttle import LoginRefused
from mqtt_app.services.accounts.requests import actor_of

WRONG = {"detail": "Wrong user name or password."}


class LoginView(StrictView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="login",
        request=LoginSerializer,
        responses={
            200: TokenSerializer,
            401: OpenApiResponse(description="Wrong user name or password."),
            409: OpenApiResponse(description="The user has as many tokens as there may be."),
            429: OpenApiResponse(
                description="Too many wrong tries; `Retry-After` says how long to wait."
            ),
        },
    )
    def post(self, request: Request) -> Response:
        """A token for `Authorization: Token ...`. Each login makes another; logout ends its own."""
        form = LoginSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        try:
            user = authenticate(
                request._request, username=values["username"], password=values["password"]
            )
        except LoginRefused as refused:
            return _too_many(refused)
        if user is None:
            return Response(
                WRONG, status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Token"}
            )
        return _logged_in(request, user, values)


class LogoutView(StrictView):
    takes_no_body = True
    permission_classes = (IsAuthenticated,)

    @extend_schema(operation_id="logout", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End the token, or the session, that this request came with."""
        if isinstance(request.auth, ApiToken):
            token = request.auth
        else:
            token = None
        user: Any = request.user
        logins.logged_out(request._request, user, token)
        if token is not None:
            with audit.acting_as(actor_of(request._request, user, token)):
                tokens.revoke(token)
        else:
            logout(request._request)
        return Response(status=HTTPStatus.NO_CONTENT)


def _logged_in(request: Request, user: AbstractBaseUser, values: dict[str, Any]) -> Response:
    with audit.acting_as(actor_of(request._request, user)):
        try:
            row, text = tokens.make(user, values["name"], rights_asked(values, timezone.now()))
        except tokens.TooManyTokens as full:
            return Response({"detail": full.message}, status=HTTPStatus.CONFLICT)
    logins.logged_in(request._request, user)
    return Response(TokenSerializer({"token": text, "expiry": row.expiry}).data)


def _too_many(refused: LoginRefused) -> Response:
    return Response(
        {"detail": refused.message},
        status=HTTPStatus.TOO_MANY_REQUESTS,
        headers={"Retry-After": str(refused.retry_after)},
    )
