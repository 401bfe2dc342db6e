from django.apps import AppConfig


class MqttConfig(AppConfig):
    """The label is `mqtt`: it names the tables, the admin section and the migrations."""

    name = "mqtt_app"
    label = "mqtt"
    verbose_name = "MQTT"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mqtt_app import checks  # noqa: F401  registers the system checks; models must be loaded first
