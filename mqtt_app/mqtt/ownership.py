"""What the supervisor needs of the database, in one object."""

from typing import Any

from mqtt_app.models import MqttTopic
from mqtt_app.services import ownership
from mqtt_app.services.ownership import ConnectionConfig, ConnectionRow


class DatabaseOwnership:
    """`services.ownership`, and the filters that a broker's session may still hold."""

    def rows_of(self, instance_id: str) -> list[ConnectionRow]:
        return ownership.rows_of(instance_id)

    def take(self, connection_id: int, instance_id: str, generation: int) -> ConnectionConfig | None:
        return ownership.take(connection_id, instance_id, generation)

    def let_go(self, connection_id: int, instance_id: str, generation: int) -> bool:
        return ownership.let_go(connection_id, instance_id, generation)

    def config_of(self, connection_id: int, generation: int) -> ConnectionConfig | None:
        return ownership.config_of(connection_id, generation)

    def stale_filters(self, connection_id: int) -> list[str]:
        """Granted once and switched off since: a persistent session still has them."""
        topics = MqttTopic.objects.filter(connection_id=connection_id, is_active=False, granted_at__isnull=False)
        return list(topics.values_list("filter", flat=True))

    def record_status(self, connection_id: int, generation: int, **values: Any) -> bool:
        return ownership.record_status(connection_id, generation, **values)

    def record_grants(self, connection_id: int, generation: int, grants: dict[str, int]) -> bool:
        return ownership.record_grants(connection_id, generation, grants)
