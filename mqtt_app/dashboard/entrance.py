"""Log-in and log-out, of the pages and of the admin alike."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import TypeVar

from django import forms
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from mqtt_app.dashboard.policy import strict
from mqtt_app.services.accounts import logins
from mqtt_app.services.accounts.login_throttle import LoginRefused

View = Callable[..., HttpResponseBase]
Response = TypeVar("Response", bound=HttpResponseBase)


def entrance(view: View) -> View:
    """A view with a form that checks a password: 429 where none is looked at; a log-in is recorded."""

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        before = request.user.pk
        response = view(request, *args, **kwargs)
        refusal = refusal_of((getattr(response, "context_data", None) or {}).get("form"))
        if refusal is not None:
            return as_refused(response, refusal)
        if request.user.is_authenticated and request.user.pk != before:
            logins.logged_in(request, request.user)
        return response

    return answer


def exit_of(view: View) -> View:
    """A view that logs out; this is recorded."""

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        user = request.user
        leaving = user.is_authenticated and request.method == "POST" and user
        response = view(request, *args, **kwargs)
        if leaving and not request.user.is_authenticated:
            logins.logged_out(request, leaving)
        return response

    return answer


def refusal_of(form: object) -> LoginRefused | None:
    """Why a form did not look at the password; None when it did."""
    if not isinstance(form, forms.BaseForm) or not form.is_bound:
        return None
    errors = (error for found in form.errors.as_data().values() for error in found)
    return next((error for error in errors if isinstance(error, LoginRefused)), None)


def as_refused(response: Response, refusal: LoginRefused) -> Response:
    response.status_code = HTTPStatus.TOO_MANY_REQUESTS
    response["Retry-After"] = str(refusal.retry_after)
    return response


login = strict(
    entrance(
        LoginView.as_view(template_name="dashboard/login.html", redirect_authenticated_user=True)
    )
)
logout = strict(exit_of(LogoutView.as_view()))
