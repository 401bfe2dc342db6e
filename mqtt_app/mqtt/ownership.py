"""What the supervisor needs of the database, in one object."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from mqtt_app.models import MqttTopic
from mqtt_app.services import ownership
from mqtt_app.services.ownership import ConnectionConfig, ConnectionRow, Key, LinkStatus, Written


class DatabaseOwnership:
    """`services.ownership`, and the filters that a broker's session may still hold."""

    def rows_of(self, instance_id: str) -> list[ConnectionRow]:
        return ownership.rows_of(instance_id)

    def take_all(self, wanted: Mapping[int, int], instance_id: str) -> list[ConnectionConfig]:
        return ownership.take_all(wanted, instance_id)

    def let_go_all(self, held: Mapping[int, int], instance_id: str) -> frozenset[int]:
        return ownership.let_go_all(held, instance_id)

    def config_of(self, connection_id: int, generation: int) -> ConnectionConfig | None:
        return ownership.config_of(connection_id, generation)

    def stale_filters(self, connection_ids: Collection[int]) -> Mapping[int, list[str]]:
        """By connection: granted once and switched off since, so that a persistent session still has them."""
        topics = MqttTopic.objects.filter(connection__in=connection_ids, is_active=False, granted_at__isnull=False)
        found: defaultdict[int, list[str]] = defaultdict(list)
        for connection_id, name in topics.values_list("connection_id", "filter"):
            found[connection_id].append(name)
        return found

    def record_statuses(self, said: Mapping[Key, LinkStatus]) -> Written:
        return ownership.record_statuses(said)

    def record_grants(self, granted: Mapping[Key, Mapping[str, int]]) -> int:
        return ownership.record_grants(granted)
