"""One message to try on the parsers, and what they make of it."""

import base64
import binascii
from typing import Any

from rest_framework import serializers

from mqtt_app.api.strict import StrictFields
from mqtt_app.domain.facts import ParseErrorKind
from mqtt_app.domain.topics import MAX_BYTES, TopicError, validate_topic
from mqtt_app.services.parser_trial import is_time_zone

LONGEST = 700_000  # bytes of a payload; in base64 it still fits into the body of a request
EITHER = "Give either payload, as text, or payload_base64."


class TrialRequestSerializer(StrictFields, serializers.Serializer[Any]):
    """Validated, `payload` holds the bytes, and `payload_base64` is gone."""

    topic = serializers.CharField(
        max_length=MAX_BYTES, trim_whitespace=False, help_text="As it was published."
    )
    payload = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        max_length=LONGEST,
        help_text="The payload as text.",
    )
    payload_base64 = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST * 4 // 3 + 4,
        help_text="The payload in base64, for one that is no text.",
    )
    retain = serializers.BooleanField(default=False, help_text="Was it sent as a retained message?")
    time_zone = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=64,
        help_text="IANA name of the site's time zone, for local times: Europe/Berlin.",
    )

    def validate_topic(self, value: str) -> str:
        try:
            validate_topic(value)
        except TopicError as error:
            raise serializers.ValidationError(str(error)) from None
        return value

    def validate_payload(self, value: str) -> str:
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise serializers.ValidationError("Half a surrogate pair is no text.")
        return value

    def validate_payload_base64(self, value: str) -> bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise serializers.ValidationError("This is not base64.") from None

    def validate_time_zone(self, value: str) -> str:
        if value and not is_time_zone(value):
            raise serializers.ValidationError(
                "There is no such time zone. Write an IANA name, such as Europe/Berlin."
            )
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        raw = attrs.pop("payload_base64", None)
        if (raw is None) == ("payload" not in attrs):
            raise serializers.ValidationError({"payload": [EITHER]})
        if raw is None:
            payload = attrs["payload"].encode()
        else:
            payload = raw
        if len(payload) > LONGEST:
            raise serializers.ValidationError({"payload": [f"At most {LONGEST:,} bytes."]})
        return {**attrs, "payload": payload}


class ClaimSerializer(serializers.Serializer[Any]):
    parser = serializers.CharField()
    version = serializers.CharField()
    confidence = serializers.FloatField(help_text="More than 0, up to 1.")


class TrialErrorSerializer(serializers.Serializer[Any]):
    error_type = serializers.ChoiceField(
        choices=[(kind.value, kind.value) for kind in ParseErrorKind]
    )
    message = serializers.CharField()


class TrialSerializer(serializers.Serializer[Any]):
    """Only described here; `parser_trial.as_json` makes it."""

    claims = ClaimSerializer(
        many=True, help_text="Parsers that take the message, the surest first."
    )
    parser = serializers.CharField(
        allow_null=True, help_text="The surest, which the facts or the error are from."
    )
    facts = serializers.ListField(
        child=serializers.DictField(),
        help_text='What it reads: {"fact": "reading", "device", "metric", "value", ...}.',
    )
    error = TrialErrorSerializer(allow_null=True)
