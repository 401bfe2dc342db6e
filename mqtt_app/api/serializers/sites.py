from typing import Any

from rest_framework import serializers

from mqtt_app.api.strict import StrictFields
from mqtt_app.models import Site
from mqtt_app.services import sites


class SiteSerializer(StrictFields, serializers.ModelSerializer[Site]):
    class Meta:
        model = Site
        fields = (
            "id",
            "name",
            "is_active",
            "new_topics_active",
            "silence_after",
            "retention_days",
            "rollup_days",
            "dead_letter_days",
            "max_topics",
            "max_devices",
            "max_new_topics",
            "time_zone",
            "created_at",
        )
        read_only_fields = ("id", "created_at")

    def create(self, validated_data: dict[str, Any]) -> Site:
        return sites.create_site(validated_data)

    def update(self, instance: Site, validated_data: dict[str, Any]) -> Site:
        for name, value in validated_data.items():
            setattr(instance, name, value)
        return sites.save_site(instance, list(validated_data))


class SwitchedConnectionSerializer(serializers.Serializer[Any]):
    """`status` is the one from before the switch: the worker has not acted yet."""

    site_id = serializers.IntegerField()
    site_name = serializers.CharField(source="site.name")
    status = serializers.CharField()
    is_active = serializers.BooleanField()
    broker_host = serializers.CharField()
    broker_port = serializers.IntegerField()


class SwitchedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()
    connection = SwitchedConnectionSerializer()
