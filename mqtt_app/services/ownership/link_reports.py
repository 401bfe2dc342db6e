"""What owners report about their links, many in one statement. Written only while the generation is
still theirs.
"""

from collections.abc import Collection, Mapping

import msgspec
from django.db import connection, transaction
from django.utils import timezone

from mqtt_app.domain.ingest.samples import storable
from mqtt_app.domain.link.connection_config import LinkStatus, SubackResults
from mqtt_app.domain.link.grants import LONGEST_REFUSAL, refusal
from mqtt_app.domain.ownership.claims import LinkKey, WrittenStatuses
from mqtt_app.models import MqttConnection
from mqtt_app.services.ownership.status import StatusWrite, write_statuses

_GRANT = """
UPDATE mqtt_mqtttopic t SET granted_qos = g.code, granted_at = %s, refusal = g.refusal
FROM json_to_recordset(%s::json) AS g(id bigint, generation bigint, filter text, code int, refusal text)
    JOIN mqtt_mqttconnection c ON c.id = g.id AND c.generation = g.generation AND c.owner <> ''
WHERE t.connection_id = g.id AND t.filter = g.filter
"""
_SYNCED = """
UPDATE mqtt_mqttconnection c SET subscribed_version = v.version, obsolete_filters = '{}'
FROM json_to_recordset(%s::json) AS v(id bigint, generation bigint, version bigint)
    JOIN (SELECT id FROM mqtt_mqttconnection WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED) AS free
    ON free.id = v.id
WHERE c.id = v.id AND c.generation = v.generation AND c.config_version = v.version AND c.owner <> ''
"""


def record_statuses(reported: Mapping[LinkKey, LinkStatus]) -> WrittenStatuses:
    """A row that another transaction has locked is not waited for, because the reports of all other
    links would wait with it.
    """
    now = timezone.now()
    with transaction.atomic():
        ours = _lock_owned({key[0] for key in reported})
        writes = [_write_of(key, status) for key, status in reported.items() if key in ours]
        write_statuses(writes, now)
    missing = reported.keys() - ours
    if missing:
        busy = _still_owned(missing)
    else:
        busy = frozenset()
    return WrittenStatuses(lost=frozenset(LinkKey(*key) for key in missing - busy), busy=busy)


def record_suback_results(reported: Mapping[LinkKey, SubackResults]) -> int:
    """Gives how many codes were written: none of a newer owner's, none that are gone.

    That a session is in line with a configuration is not written while another transaction has the
    row locked: the next owner then subscribes once more.
    """
    codes = [
        {
            "id": connection_id,
            "generation": generation,
            "filter": name,
            "code": code,
            "refusal": storable(results.refusals.get(name) or refusal(code))[:LONGEST_REFUSAL],
        }
        for (connection_id, generation), results in reported.items()
        for name, code in results.codes.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_GRANT, [timezone.now(), msgspec.json.encode(codes).decode()])
        written: int = cursor.rowcount
    _record_synced_versions(reported)
    return written


def _record_synced_versions(reported: Mapping[LinkKey, SubackResults]) -> None:
    synced = [
        {"id": connection_id, "generation": generation, "version": results.synced_version}
        for (connection_id, generation), results in reported.items()
        if results.synced_version
    ]
    if synced:
        ids = [row["id"] for row in synced]
        with connection.cursor() as cursor:
            cursor.execute(_SYNCED, [msgspec.json.encode(synced).decode(), ids])


def _lock_owned(connection_ids: Collection[int]) -> frozenset[LinkKey]:
    """Those that have an owner and are not locked elsewhere; locked here until the commit."""
    rows = MqttConnection.objects.select_for_update(skip_locked=True, no_key=True)
    owned = rows.filter(pk__in=connection_ids).exclude(owner="").order_by("pk")
    return frozenset(LinkKey(*values) for values in owned.values_list("pk", "generation"))


def _still_owned(keys: Collection[LinkKey]) -> frozenset[LinkKey]:
    """Those that have an owner of this generation."""
    rows = MqttConnection.objects.filter(pk__in={key[0] for key in keys}).exclude(owner="")
    found = {LinkKey(*values) for values in rows.values_list("pk", "generation")}
    return frozenset(found & set(keys))


def _write_of(key: LinkKey, status: LinkStatus) -> StatusWrite:
    connection_id, generation = key
    return StatusWrite(
        id=connection_id,
        generation=generation,
        status=status.status,
        error_class=status.error_class,
        error_message=storable(status.error_message),
        retry_count=status.retry_count,
        connected_at=status.connected_at,
        negotiated_version=status.negotiated_version,
        capabilities=status.capabilities,
        link_memory=status.memory,
    )
