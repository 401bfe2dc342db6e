from http import HTTPStatus
from typing import Any

from django.contrib.auth import authenticate, logout
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mqtt_app.api.serializers.auth import LoginSerializer, TokenSerializer
from mqtt_app.api.throttling import LoginThrottle
from mqtt_app.models import ApiToken

WRONG = {"detail": "Wrong user name or password."}


class LoginView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="login",
        request=LoginSerializer,
        responses={
            200: TokenSerializer,
            401: OpenApiResponse(description="Wrong user name or password."),
            429: OpenApiResponse(description="Too many wrong tries; `Retry-After` says how long to wait."),
        },
    )
    def post(self, request: Request) -> Response:
        """A token for `Authorization: Token ...`. Each login makes another; logout ends its own."""
        form = LoginSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        throttle = LoginThrottle()
        if not throttle.allow_request(request, self):
            self.throttled(request, throttle.wait() or 60.0)
        user = authenticate(request._request, **form.validated_data)
        if user is None:
            throttle.count_failure()
            return Response(WRONG, status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Token"})
        _, token = ApiToken.objects.create(user)
        return Response(TokenSerializer({"token": token, "expiry": None}).data)


class LogoutView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(operation_id="logout", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End the token, or the session, that this request came with."""
        credential: Any = request.auth
        if isinstance(credential, ApiToken):
            credential.delete()
        else:
            logout(request._request)
        return Response(status=HTTPStatus.NO_CONTENT)
