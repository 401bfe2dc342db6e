"""Tests of connections: what is given, and what is shown of their results."""

from typing import Any

import msgspec
from rest_framework import serializers

from mqtt_app.api.serializers.connections import ConnectionSerializer
from mqtt_app.api.serializers.queries import MAX_BIGINT
from mqtt_app.domain.probe.heard import LONGEST
from mqtt_app.domain.probe.stages import StageResult, in_general
from mqtt_app.models import CONFIGURATION
from mqtt_app.models.validators import validate_topic_filter
from mqtt_app.selectors.connections import legible

MOST_FILTERS = 50
NOT_TESTED = {"ack_mode"}
PLACE = ("broker_host", "broker_port", "use_tls", "tls_verify")
SECRETS = ("password", "tls_client_key")
ELSEWHERE = "Enter it again: what is stored is for another host, port or TLS setting."


class ConnectionTestSerializer(ConnectionSerializer):
    """The settings of a connection that need not be there; nothing of it is stored."""

    filters = serializers.ListField(
        child=serializers.CharField(
            max_length=640, trim_whitespace=False, validators=[validate_topic_filter]
        ),
        max_length=MOST_FILTERS,
        required=False,
        write_only=True,
        help_text="Topic filters to ask the broker for.",
    )

    site = serializers.IntegerField(
        min_value=1,
        max_value=MAX_BIGINT,
        required=False,
        write_only=True,
        help_text="Id of a site whose stored settings stand for those that are left out, its password"
        " and key too while host and port are the same.",
    )
    listen = serializers.IntegerField(
        min_value=0,
        max_value=LONGEST,
        required=False,
        write_only=True,
        help_text="Seconds to listen for: `result.heard` then has the topics that spoke, with what"
        " the parsers make of one message of each.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        stored = self.instance
        attrs = super().validate(attrs)
        if stored is not None and self._goes_elsewhere(attrs):
            for name in SECRETS:
                if legible(stored, name) and name not in attrs:
                    raise serializers.ValidationError({name: [ELSEWHERE]})
        return attrs

    def _goes_elsewhere(self, attrs: dict[str, Any]) -> bool:
        """A stored secret is sent to nobody but the broker that it was entered for."""
        stored = self.instance
        assert stored is not None
        return any(
            attrs.get(name, getattr(stored, name)) != getattr(stored, name) for name in PLACE
        )

    class Meta(ConnectionSerializer.Meta):
        fields = (*sorted(CONFIGURATION - NOT_TESTED), "site", "filters", "listen")  # type: ignore[assignment]
        read_only_fields = ()  # type: ignore[assignment]


def settings_of(form: ConnectionTestSerializer) -> dict[str, Any]:
    """The settings to test, those that are stored where they were left out."""
    given = {name: value for name, value in form.validated_data.items() if name in CONFIGURATION}
    stored = form.instance
    if stored is None:
        return given
    kept = {name: legible(stored, name) for name in CONFIGURATION - NOT_TESTED}
    return kept | given


def shown_result(result: dict[str, Any], *, detailed: bool) -> dict[str, Any]:
    """Not `detailed`: as `in_general` has it."""
    if detailed:
        return result
    stages = msgspec.convert(result.get("stages", []), list[StageResult])
    shown = {"stages": msgspec.to_builtins(in_general(stages))}
    if "heard" in result:
        shown["heard"] = result["heard"]
    return shown
