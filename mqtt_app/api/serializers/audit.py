from rest_framework import serializers

from mqtt_app.models import AuditEntry


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    site = serializers.IntegerField(source="site_id", allow_null=True)
    user = serializers.CharField(source="user_name", help_text="As named at that time.")
    token = serializers.CharField(
        source="token_name", help_text="Name of the token, empty for a session."
    )

    class Meta:
        model = AuditEntry
        fields = (
            "id",
            "at",
            "user",
            "user_id",
            "token",
            "source",
            "address",
            "action",
            "object_type",
            "object_id",
            "object_label",
            "site",
            "changes",
        )
