"""Errors as JSON, also for addresses that no view answers."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import Resolver404, resolve
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import status
from rest_framework.exceptions import APIException


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "Someone else created it at the same moment. Try again."
    default_code = "conflict"


@csrf_exempt
def no_such_address(request: HttpRequest, **_: Any) -> HttpResponse:
    """The end of /api/. A forgotten slash is sent on with method and body, which a 301 would lose."""
    if not request.path.endswith("/") and _answers(request.path_info + "/"):
        if request.META.get("QUERY_STRING"):
            query = f"?{request.META['QUERY_STRING']}"
        else:
            query = ""
        headers = {"Location": f"{request.path}/{query}"}
        return HttpResponse(status=HTTPStatus.PERMANENT_REDIRECT, headers=headers)
    return JsonResponse(
        {"detail": "There is nothing at this address. See /api/docs/."}, status=HTTPStatus.NOT_FOUND
    )


def server_error(request: HttpRequest) -> HttpResponseBase:
    if request.path.startswith("/api/"):
        said = "A fault of this service; it is in its log file."
        return JsonResponse({"detail": said}, status=HTTPStatus.INTERNAL_SERVER_ERROR)
    return defaults.server_error(request)


def _answers(path: str) -> bool:
    try:
        return resolve(path).func is not no_such_address
    except Resolver404:
        return False
