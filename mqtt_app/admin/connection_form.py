"""The form of a connection: secrets go in and never come out."""

from typing import TYPE_CHECKING, Any

from django import forms

from mqtt_app.domain.link import ack_mode
from mqtt_app.models import CONFIGURATION, MqttConnection
from mqtt_app.selectors.connections import SECRETS
from mqtt_app.services.connection_rules import canonical, connection_errors, date_errors
from mqtt_app.services.sites import TOLD_ONLY

KEEP = "Never shown. Leave it empty to keep what is stored."

if TYPE_CHECKING:  # Django's class takes a type parameter in its stub only
    ConnectionModelForm = forms.ModelForm[MqttConnection]
else:
    ConnectionModelForm = forms.ModelForm


class HiddenTextarea(forms.Textarea):
    """Takes text, shows none."""

    def format_value(self, value: Any) -> str:
        return ""


class ConnectionForm(ConnectionModelForm):
    clear_password = forms.BooleanField(required=False, label="Remove the password")
    clear_tls_client_key = forms.BooleanField(required=False, label="Remove the TLS client key")

    class Meta:
        model = MqttConnection
        fields = ("site", "is_active", *sorted(CONFIGURATION | TOLD_ONLY))
        widgets = {
            "password": forms.PasswordInput(
                render_value=False, attrs={"autocomplete": "new-password"}
            ),
            "tls_client_key": HiddenTextarea(attrs={"rows": 4}),
        }
        help_texts = {name: KEEP for name in SECRETS} | {"ack_mode": ack_mode.HELP}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {*SECRETS, "username", "client_id"} & self.fields.keys():
            self.fields[name].strip = False  # type: ignore[attr-defined]  # a space may be part of it
        for name in SECRETS:
            self.initial[name] = ""

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for name in SECRETS:
            values[name] = (
                ""
                if values.get(f"clear_{name}")
                else values.get(name) or getattr(self.instance, name)
            )
        given = {name: values.get(name) for name in self.changed_data}
        values |= canonical(given)
        for field, said in (connection_errors(values) or date_errors(given)).items():
            self.add_error(field, said)
        return values

    def link_fields(self) -> list[str]:
        """What was changed of the fields that describe the link."""
        given = {name.removeprefix("clear_") for name in self.changed_data}
        return sorted(given & (CONFIGURATION | TOLD_ONLY))
