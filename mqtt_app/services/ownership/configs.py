"""What an owner has to know to hold a link, read from its rows."""

from collections import defaultdict
from collections.abc import Sequence

from mqtt_app.conf import config
from mqtt_app.domain.link.ack_mode import AckMode
from mqtt_app.domain.link.connection_config import ConnectionConfig, Filter
from mqtt_app.domain.link.grants import REFUSED
from mqtt_app.domain.link.trouble.memory import memory_from
from mqtt_app.models import MqttConnection, MqttTopic


def config_of(connection_id: int, generation: int) -> ConnectionConfig | None:
    """The settings as they are now, None when the row is gone or of another generation; two
    queries.

    Raises UndecryptableError when no key decrypts its secrets.
    """
    rows = MqttConnection.objects.select_related("site").filter(
        pk=connection_id, generation=generation
    )
    configs = configs_from(list(rows))
    if configs:
        return configs[0]
    return None


def configs_from(rows: Sequence[MqttConnection], later: int = 0) -> list[ConnectionConfig]:
    """As `config_of`, from rows loaded with their sites, `later` generations on; one query for all
    filters.
    """
    filters: defaultdict[int, list[Filter]] = defaultdict(list)
    granted: defaultdict[int, list[str]] = defaultdict(list)
    topics = MqttTopic.objects.filter(
        connection__in=[row.pk for row in rows], is_active=True
    ).order_by("id")
    for connection_id, name, qos, code in topics.values_list(
        "connection_id", "filter", "qos", "granted_qos"
    ):
        filters[connection_id].append(Filter(name, qos))
        if code is not None and code < REFUSED:
            granted[connection_id].append(name)
    return [_config(row, row.generation + later, filters[row.pk], granted[row.pk]) for row in rows]


def _config(
    row: MqttConnection, generation: int, filters: list[Filter], granted: list[str]
) -> ConnectionConfig:
    return ConnectionConfig(
        id=row.pk,
        site_id=row.site_id,
        site_name=row.site.name,
        generation=generation,
        config_version=row.config_version,
        host=row.broker_host,
        port=row.broker_port,
        username=row.username,
        password=row.password,
        use_tls=row.use_tls,
        tls_ca=row.tls_ca_certificate,
        tls_client_certificate=row.tls_client_certificate,
        tls_client_key=row.tls_client_key,
        tls_verify=row.tls_verify,
        protocol_version=row.protocol_version,
        negotiated_version=row.negotiated_version,
        client_id=row.client_id or f"{config().client_id_prefix}-{row.pk}",
        keepalive=row.keepalive,
        filters=tuple(filters),
        retry_count=row.retry_count,
        ack_mode=AckMode(row.ack_mode),
        granted=frozenset(granted),
        subscribed_version=row.subscribed_version,
        obsolete_filters=tuple(row.obsolete_filters),
        restarts=row.restarts,
        memory=memory_from(row.link_memory),
    )
