"""Every model for operators, at /admin/mqtt/. Thin: what is written goes through `services`, as from the API."""

from mqtt_app.admin import connections, delivery, devices, kept, logs, sites, topics

__all__ = ["connections", "delivery", "devices", "kept", "logs", "sites", "topics"]
