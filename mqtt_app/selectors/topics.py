from django.db.models import QuerySet

from mqtt_app.models import DiscoveredTopic, MqttConnection


def discovered_topics(
    connection: MqttConnection,
    *,
    is_active: bool | None = None,
    is_processable: bool | None = None,
    search: str = "",
) -> QuerySet[DiscoveredTopic]:
    """Concrete topics seen on a connection; None means either."""
    found = DiscoveredTopic.objects.filter(connection=connection)
    if is_active is not None:
        found = found.filter(is_active=is_active)
    if is_processable is not None:
        found = found.filter(is_processable=is_processable)
    if search:
        return found.filter(topic__icontains=search)
    return found
