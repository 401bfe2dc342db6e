"""What an owner has to know to hold a link, in plain values."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from mqtt_app.conf import config
from mqtt_app.domain.link.ack_mode import AckMode
from mqtt_app.domain.link.grants import REFUSED
from mqtt_app.models import MqttConnection, MqttTopic


class Filter(msgspec.Struct, frozen=True):
    filter: str
    qos: int


class ConnectionConfig(msgspec.Struct, frozen=True):
    """The settings of one link at one `config_version`, for the owner of one `generation`.

    `client_id` is the same for every owner, so that the broker itself throws out a stale one.
    `negotiated_version` is the MQTT version that worked last ("5", "3.1.1" or ""). Certificates and
    keys are PEM; empty means none. The repr hides secrets.

    What earlier owners left in the broker's session: `granted` are the wanted filters that it
    accepted; `subscribed_version` is the `config_version` with whose filters it is in line, and it
    may have `obsolete_filters`.
    """

    id: int
    site_id: int
    site_name: str
    generation: int
    config_version: int
    host: str
    port: int
    username: str
    password: str
    use_tls: bool
    tls_ca: str
    tls_client_certificate: str
    tls_client_key: str
    tls_verify: bool
    protocol_version: str
    negotiated_version: str
    client_id: str
    keepalive: int
    filters: tuple[Filter, ...]
    retry_count: int
    ack_mode: AckMode = AckMode.STORED
    granted: frozenset[str] = frozenset()
    subscribed_version: int = 0
    obsolete_filters: tuple[str, ...] = ()

    def __repr__(self) -> str:
        version = f"generation={self.generation}, config_version={self.config_version}"
        return f"ConnectionConfig(id={self.id}, site_id={self.site_id}, {version}, address={self.host}:{self.port})"


def config_of(connection_id: int, generation: int) -> ConnectionConfig | None:
    """The settings as they are now, None when the row is gone or of another generation; two
    queries.

    Raises UndecryptableError when no key decrypts its secrets.
    """
    rows = MqttConnection.objects.select_related("site").filter(
        pk=connection_id, generation=generation
    )
    found = configs_from(list(rows))
    return found[0] if found else None


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
    )
