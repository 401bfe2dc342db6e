"""Every model for operators, at /admin/mqtt/. Thin: what is written goes through `services`, as from the API."""

from mqtt_app.admin import accounts, connections, delivery, devices, kept, logs, sites, topics

__all__ = ["accounts", "connections", "delivery", "devices", "kept", "logs", "sites", "topics"]
