from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mqtt_app.api.strict import StrictFields
from mqtt_app.domain.link import ack_mode
from mqtt_app.domain.link.certificate_facts import facts_of
from mqtt_app.models import CONFIGURATION, MqttConnection
from mqtt_app.selectors.connections import legible
from mqtt_app.services.connection_rules import (
    MAX_PEM,
    canonical,
    connection_errors,
    date_errors,
)

MAX_PASSWORD = 4_096  # characters; MQTT allows 65,535 bytes, no broker means that

SECRET = {"write_only": True, "trim_whitespace": False, "style": {"input_type": "password"}}
EXACT = {"trim_whitespace": False}
IS_ACTIVE_HINT = "Not changed here: POST to sites/{id}/start/ or sites/{id}/stop/."


class CertificateSerializer(serializers.Serializer[Any]):
    """Only described here; `domain/link/certificate_facts.py` makes it."""

    subject = serializers.CharField()
    issuer = serializers.CharField()
    names = serializers.ListField(child=serializers.CharField())
    not_before = serializers.DateTimeField()
    not_after = serializers.DateTimeField()
    fingerprint = serializers.CharField(help_text="SHA-256, in hexadecimal.")


class ConnectionSerializer(StrictFields, serializers.ModelSerializer[MqttConnection]):
    """`password` and `tls_client_key` are never shown. Left out they stay, an empty string removes
    them.
    """

    status = serializers.SerializerMethodField(
        help_text="The stored status, corrected when whoever wrote it is gone."
    )
    has_password = serializers.SerializerMethodField()
    has_tls_client_key = serializers.SerializerMethodField()
    ca_certificates = serializers.SerializerMethodField()
    client_certificates = serializers.SerializerMethodField()

    class Meta:
        model = MqttConnection
        fields = (
            "id",
            "site",
            "is_active",
            "broker_host",
            "broker_port",
            "username",
            "password",
            "has_password",
            "use_tls",
            "tls_ca_certificate",
            "tls_client_certificate",
            "tls_client_key",
            "has_tls_client_key",
            "ca_certificates",
            "client_certificates",
            "tls_verify",
            "protocol_version",
            "client_id",
            "keepalive",
            "ack_mode",
            "broker_queue_limit",
            "status",
            "status_since",
            "error_class",
            "error_message",
            "error_at",
            "retry_count",
            "connected_at",
            "negotiated_version",
            "config_version",
            "owner",
            "generation",
            "updated_at",
        )
        read_only_fields = (
            "id",
            "site",
            "is_active",
            "status_since",
            "error_class",
            "error_message",
            "error_at",
            "retry_count",
            "connected_at",
            "negotiated_version",
            "config_version",
            "owner",
            "generation",
            "updated_at",
        )
        extra_kwargs = {
            "password": SECRET | {"max_length": MAX_PASSWORD},
            "tls_client_key": SECRET | {"max_length": MAX_PEM},
            "tls_ca_certificate": EXACT | {"max_length": MAX_PEM},
            "tls_client_certificate": EXACT | {"max_length": MAX_PEM},
            "username": EXACT,
            "ack_mode": {"help_text": ack_mode.HELP},
            "client_id": EXACT,
        }

    def get_status(self, row: MqttConnection) -> str:
        shown: dict[int, str] = self.context.get("statuses", {})
        return shown.get(row.pk, row.status)

    def get_has_password(self, row: MqttConnection) -> bool:
        return bool(legible(row, "password") != "")

    def get_has_tls_client_key(self, row: MqttConnection) -> bool:
        return bool(legible(row, "tls_client_key") != "")

    @extend_schema_field(CertificateSerializer(many=True))
    def get_ca_certificates(self, row: MqttConnection) -> Any:
        return CertificateSerializer(facts_of(row.tls_ca_certificate), many=True).data

    @extend_schema_field(CertificateSerializer(many=True))
    def get_client_certificates(self, row: MqttConnection) -> Any:
        return CertificateSerializer(facts_of(row.tls_client_certificate), many=True).data

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        wish = self.initial_data.get("is_active")
        if wish is not None and wish is not (self.instance.is_active if self.instance else False):
            raise serializers.ValidationError({"is_active": [IS_ACTIVE_HINT]})
        if self.instance:
            kept = {name: legible(self.instance, name) for name in CONFIGURATION}
        else:
            kept = {}
        attrs |= canonical(attrs)
        errors = connection_errors(kept | attrs) or date_errors(attrs)
        if errors:
            raise serializers.ValidationError({field: [said] for field, said in errors.items()})
        return attrs
