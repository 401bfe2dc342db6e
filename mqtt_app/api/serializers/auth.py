from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from mqtt_app.api.strict import StrictFields
from mqtt_app.domain.access import SCOPE_CHOICES, Scope
from mqtt_app.domain.accounts.tokens import LONGEST, NAME_LENGTH, Rights
from mqtt_app.models import ApiToken

LONGEST_SECONDS = int(LONGEST.total_seconds())


class NewTokenSerializer(StrictFields, serializers.Serializer[Any]):
    """What a token is made of. Left out: all that its maker may do, at all of their sites, for
    ever.
    """

    name = serializers.CharField(max_length=NAME_LENGTH)
    scope = serializers.ChoiceField(choices=SCOPE_CHOICES, default=Scope.MANAGE.value)
    site_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        allow_null=True,
        allow_empty=False,
        max_length=1_000,
        default=None,
        help_text="null: all sites of the user, also those to come.",
    )
    expires_in = serializers.IntegerField(
        min_value=1,
        max_value=LONGEST_SECONDS,
        allow_null=True,
        default=None,
        help_text="Seconds. null: never.",
    )


class LoginSerializer(NewTokenSerializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(
        max_length=4_096, trim_whitespace=False, write_only=True, style={"input_type": "password"}
    )
    name = serializers.CharField(max_length=NAME_LENGTH, default="API log-in")


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="Send it as `Authorization: Token ...`.")
    expiry = serializers.DateTimeField(allow_null=True, help_text="null: valid until logout.")


class ApiTokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token as it is listed. `prefix` is how it begins, by which its user knows it; the rest is
    not stored.
    """

    prefix = serializers.CharField(source="token_key", read_only=True)
    is_expired = serializers.SerializerMethodField()

    class Meta:
        model = ApiToken
        fields = (
            "id",
            "name",
            "prefix",
            "scope",
            "site_ids",
            "created",
            "expiry",
            "is_expired",
            "last_used_at",
            "last_used_address",
        )
        read_only_fields = fields

    def get_is_expired(self, token: ApiToken) -> bool:
        return token.expiry is not None and token.expiry <= timezone.now()


class MadeTokenSerializer(ApiTokenSerializer):
    token = serializers.CharField(
        read_only=True, help_text="Shown this once. Send it as `Authorization: Token ...`."
    )

    class Meta(ApiTokenSerializer.Meta):
        fields = (*ApiTokenSerializer.Meta.fields, "token")  # type: ignore[assignment]  # one more than above
        read_only_fields = fields  # type: ignore[assignment]


def rights_asked(values: dict[str, Any], now: datetime) -> Rights:
    """Of validated data of a NewTokenSerializer."""
    sites, seconds = values["site_ids"], values["expires_in"]
    return Rights(
        Scope(values["scope"]),
        None if sites is None else frozenset(sites),
        None if seconds is None else now + timedelta(seconds=seconds),
    )
