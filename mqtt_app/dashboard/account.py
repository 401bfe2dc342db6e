"""The pages of one's own account: tokens and password. Setting a password by a link needs no
log-in.
"""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import PasswordResetConfirmView, PasswordResetView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mqtt_app.dashboard.account_forms import (
    ChangePasswordForm,
    NewPasswordForm,
    ResetForm,
    TokenForm,
)
from mqtt_app.dashboard.entrance import as_refused, refusal_of
from mqtt_app.dashboard.policy import strict
from mqtt_app.domain.accounts.client_address import client_address
from mqtt_app.selectors.account import site_names
from mqtt_app.services.accounts import login_throttle, sessions, tokens
from mqtt_app.services.accounts.login_throttle import LoginRefused

DONE = {
    "password": "Your password is changed. Your other sessions have ended, and so have your API tokens.",
    "password-kept": "Your password is changed. Your other sessions have ended; your API tokens go on.",
    "sessions": "Your other sessions have ended.",
    "revoked": "The token is revoked. Programs that use it get 401 from now on.",
}
"""What the page says after a redirect; by key, so that nobody can have it say something else."""


@strict
@require_safe
@login_required
def account_page(request: HttpRequest) -> HttpResponse:
    return _account(request, TokenForm(request.user))


@strict
@require_POST
@login_required
def make_token(request: HttpRequest) -> HttpResponse:
    """The answer shows the token. It is not sent on to another page, for it would have to be kept
    until then.
    """
    form = TokenForm(request.user, request.POST)
    if form.is_valid():
        user: Any = request.user
        try:
            row, text = tokens.make(user, form.cleaned_data["name"], form.rights(timezone.now()))
        except tokens.TooManyTokens as full:
            form.add_error(None, full)
        else:
            return _account(request, TokenForm(request.user), made=row, text=text)
    return _account(request, form, status=HTTPStatus.BAD_REQUEST)


@strict
@require_POST
@login_required
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    user: Any = request.user
    tokens.revoke(get_object_or_404(tokens.tokens_of(user), pk=pk))
    return redirect(f"{reverse('dashboard:account')}?done=revoked")


@strict
@require_POST
@login_required
def end_sessions(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    sessions.end(user, but=request.session.session_key)
    return redirect(f"{reverse('dashboard:account')}?done=sessions")


@strict
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def change_password(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = ChangePasswordForm(user, request.POST or None)
    form.request = request
    if form.is_valid():
        update_session_auth_hash(request, form.save())
        if form.cleaned_data["keep_tokens"]:
            done = "password-kept"
        else:
            done = "password"
        return redirect(f"{reverse('dashboard:account')}?done={done}")
    response = render(request, "account/password.html", {"form": form, "now": timezone.now()})
    refusal = refusal_of(form)
    if refusal is None:
        return response
    return as_refused(response, refusal)


def _account(
    request: HttpRequest, form: TokenForm, *, status: int = HTTPStatus.OK, **more: Any
) -> HttpResponse:
    user: Any = request.user
    mine = list(tokens.tokens_of(user))
    names = site_names(mine)
    context = {
        "form": form,
        "tokens": [(token, names[token.pk]) for token in mine],
        "done": DONE.get(request.GET.get("done", ""), ""),
        "now": timezone.now(),
    }
    return render(request, "account/account.html", context | more, status=status)


class ResetView(PasswordResetView):
    """Says the same whatever was typed; without a mail server it says whom to ask."""

    template_name = "account/reset.html"
    email_template_name = "account/reset_mail.txt"
    subject_template_name = "account/reset_subject.txt"
    success_url = reverse_lazy("dashboard:password-reset-sent")
    form_class = ResetForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"has_mail": settings.HAS_MAIL}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.HAS_MAIL:
            return self.get(request, *args, **kwargs)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        attempt = login_throttle.of_reset(
            form.cleaned_data["email"], client_address(self.request.META) or ""
        )
        try:
            login_throttle.judge(attempt, right=False)
        except LoginRefused as refused:
            form.add_error(None, refused)
            return as_refused(self.form_invalid(form), refused)
        return super().form_valid(form)


class SetView(PasswordResetConfirmView):
    template_name = "account/set_password.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("dashboard:password-set-done")
