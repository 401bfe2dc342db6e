"""Where an operator or the installation gave up some protection: no error, but nobody should have
to look for it.
"""

from django.db.models import QuerySet

from mqtt_app.models import MqttConnection
from mqtt_app.selectors.status.system import SystemSnapshot

UNVERIFIED = {"use_tls": True, "tls_verify": False}


def unverified_tls() -> QuerySet[MqttConnection]:
    """Connections that use TLS and do not verify whom they speak to, switched on or not."""
    return MqttConnection.objects.filter(**UNVERIFIED)


def allow_listed(seen: SystemSnapshot) -> int:
    """Links to addresses that only SITEWIRE_BROKER_ALLOW permits, as their MQTT workers report."""
    return sum(
        lease.vitals.allow_listed for lease in seen.leases.values() if lease.vitals is not None
    )
