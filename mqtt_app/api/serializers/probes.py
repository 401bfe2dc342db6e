"""Tests of connections: what is given, and what is shown of their results."""

from typing import Any

import msgspec
from rest_framework import serializers

from mqtt_app.api.serializers.connections import ConnectionSerializer
from mqtt_app.domain.probe.heard import LONGEST
from mqtt_app.domain.probe.stages import StageResult, in_general
from mqtt_app.models import CONFIGURATION
from mqtt_app.models.validators import validate_topic_filter

MOST_FILTERS = 50
NOT_TESTED = {"ack_mode"}


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

    listen = serializers.IntegerField(
        min_value=0,
        max_value=LONGEST,
        required=False,
        write_only=True,
        help_text="Seconds to listen for: `result.heard` then has the topics that spoke, with what"
        " the parsers make of one message of each.",
    )

    class Meta(ConnectionSerializer.Meta):
        fields = (*sorted(CONFIGURATION - NOT_TESTED), "filters", "listen")  # type: ignore[assignment]
        read_only_fields = ()  # type: ignore[assignment]


def shown_result(result: dict[str, Any], *, detailed: bool) -> dict[str, Any]:
    """Not `detailed`: as `in_general` has it."""
    if detailed:
        return result
    stages = msgspec.convert(result.get("stages", []), list[StageResult])
    shown = {"stages": msgspec.to_builtins(in_general(stages))}
    if "heard" in result:
        shown["heard"] = result["heard"]
    return shown
