"""Every model for operators, at /admin/mqtt/. Thin: what is written goes through `services`, as
from the API.
"""

from django.contrib import admin

from mqtt_app.admin import (
    accounts,
    audit,
    connections,
    dead_letters,
    delivery,
    devices,
    logs,
    sites,
    topics,
)
from mqtt_app.admin.audited import audit_every_page

__all__ = [
    "accounts",
    "audit",
    "connections",
    "dead_letters",
    "delivery",
    "devices",
    "logs",
    "sites",
    "topics",
]

audit_every_page(admin.site)
