"""The body of POST sites/bulk/."""

from typing import Any

from rest_framework import serializers

from mqtt_app.api.serializers.queries import MAX_BIGINT
from mqtt_app.api.strict import StrictSerializer
from mqtt_app.domain.operations import SWITCHES
from mqtt_app.models import ConnectionStatus

MAX_SITES = 10_000  # of one bulk operation
TOO_MANY = f"At most {MAX_SITES:,} sites at once; these are {{number:,}}."


class SiteFilterSerializer(StrictSerializer):
    """Without any of them: all sites that the caller may switch and that have a connection."""

    is_active = serializers.BooleanField(required=False, help_text="Of the site.")
    wanted = serializers.BooleanField(
        required=False, help_text="Whether its connection is asked to run."
    )
    status = serializers.ChoiceField(required=False, choices=ConnectionStatus.choices)
    search = serializers.CharField(
        required=False, max_length=200, help_text="Part of the site's name, in any case."
    )


class BulkSerializer(StrictSerializer):
    """Either `ids` or `filter`."""

    action = serializers.ChoiceField(choices=[kind.value for kind in SWITCHES])
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_BIGINT),
        required=False,
        allow_empty=False,
        help_text=f"Of sites, at most {MAX_SITES:,}.",
    )
    filter = SiteFilterSerializer(required=False)

    def validate_ids(self, ids: list[int]) -> list[int]:
        """Each once, in the order given."""
        if len(ids) > MAX_SITES:
            raise serializers.ValidationError(TOO_MANY.format(number=len(ids)))
        return list(dict.fromkeys(ids))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError("Give either `ids` or `filter`.")
        return attrs
