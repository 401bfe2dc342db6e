"""Forms of the account pages."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.forms import PasswordChangeForm, PasswordResetForm, SetPasswordForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest
from django.template import loader

from mqtt_app.domain.access import SCOPE_CHOICES, Scope
from mqtt_app.domain.accounts.tokens import NAME_LENGTH, Rights
from mqtt_app.models import Site
from mqtt_app.selectors.visibility import viewer_for
from mqtt_app.services.accounts import passwords, reset_mail

NEVER = "never"
LIFETIMES = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "1 year", NEVER: "no end"}
MAX_CHOICES = 200  # sites offered on the page; the API takes any
SCOPES = {
    Scope.READ: "Read: see sites, devices and readings",
    Scope.OPERATE: "Operate: also start, stop and approve",
    Scope.MANAGE: "Manage: everything that I may do",
}


class TokenForm(forms.Form):
    """What a new token is for."""

    name = forms.CharField(max_length=NAME_LENGTH, label="Name")
    scope = forms.ChoiceField(
        choices=[(value, SCOPES[Scope(value)]) for value, _ in SCOPE_CHOICES],
        initial=Scope.READ.value,
        label="May",
    )
    expires = forms.ChoiceField(choices=list(LIFETIMES.items()), initial="90", label="Ends after")
    sites = forms.ModelMultipleChoiceField(
        queryset=Site.objects.none(),
        required=False,
        label="Only at these sites (none chosen: at all of mine)",
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["sites"]
        field.queryset = viewer_for(user).sites().order_by("name")
        offered = viewer_for(user).sites().order_by("name").values_list("pk", "name")[:MAX_CHOICES]
        field.widget.choices = list(offered)

    def rights(self, now: datetime) -> Rights:
        values = self.cleaned_data
        days = values["expires"]
        return Rights(
            Scope(values["scope"]),
            frozenset(site.pk for site in values["sites"]) or None,
            None if days == NEVER else now + timedelta(days=int(days)),
        )


class ChangePasswordForm(PasswordChangeForm):
    """The old password is checked like a log-in, so a stolen session cannot guess it at leisure."""

    keep_tokens = forms.BooleanField(
        required=False, label="Keep my API tokens. Without this they end as well"
    )
    request: HttpRequest

    def clean_old_password(self) -> str:
        old: str = self.cleaned_data["old_password"]
        found = authenticate(self.request, username=self.user.get_username(), password=old)
        if found is None or found.pk != self.user.pk:
            raise ValidationError(
                self.error_messages["password_incorrect"], code="password_incorrect"
            )
        return old

    def save(self, commit: bool = True) -> User:  # noqa: ARG002  Django's signature
        values = self.cleaned_data
        passwords.change(self.user, values["new_password1"], keep_tokens=values["keep_tokens"])
        return self.user


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # generic in the stubs only
    """By a one-time link."""

    keep_tokens = forms.BooleanField(
        required=False, label="Keep my API tokens. Without this they end as well"
    )

    def save(self, commit: bool = True) -> User:  # noqa: ARG002  Django's signature
        values = self.cleaned_data
        passwords.reset(self.user, values["new_password1"], keep_tokens=values["keep_tokens"])
        user: User = self.user
        return user


class ResetForm(PasswordResetForm):
    """Asks for an e-mail with a link."""

    def send_mail(  # noqa: PLR0917  Django's signature
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        from_email: str | None,
        to_email: str,
        html_email_template_name: str | None = None,  # noqa: ARG002
    ) -> None:
        subject = "".join(loader.render_to_string(subject_template_name, context).splitlines())
        body = loader.render_to_string(email_template_name, context)
        reset_mail.send(EmailMultiAlternatives(subject, body, from_email, [to_email]))
