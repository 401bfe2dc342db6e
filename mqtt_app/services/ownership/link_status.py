"""What owners report about their links, many in one statement. Written only while the generation is
still theirs.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import partial

import msgspec
from django.db import connection, transaction
from django.utils import timezone

from mqtt_app import events
from mqtt_app.domain.ingest.samples import storable
from mqtt_app.domain.link.grants import refusal
from mqtt_app.models import MqttConnection

Key = tuple[int, int]
"""(connection id, generation): who speaks."""


class LinkStatus(msgspec.Struct, frozen=True):
    """`connected_at`: since when the link is up, None when it is down. An empty
    `negotiated_version` keeps the one that is remembered.
    """

    status: str
    error_class: str = ""
    error_message: str = ""
    retry_count: int = 0
    connected_at: datetime | None = None
    negotiated_version: str = ""


class Answers(msgspec.Struct, frozen=True):
    """What a broker answered: filter -> SUBACK code. `in_line_with`: the `config_version` whose
    filters its session has by now, all of them and no others; 0 while it has not.
    """

    codes: Mapping[str, int]
    in_line_with: int = 0


class WrittenStatuses(msgspec.Struct, frozen=True):
    """`lost`: newer owners exist (or the row is gone), and these links must be let go. `busy`: the
    row is being written by somebody else just now; to be said again.
    """

    lost: frozenset[Key] = frozenset()
    busy: frozenset[Key] = frozenset()


class _Row(msgspec.Struct):
    """A connection as it is, and as it is to be."""

    id: int
    generation: int
    owner: str
    site_id: int
    is_active: bool
    status: str
    error_class: str
    error_message: str
    retry_count: int
    connected_at: datetime | None
    negotiated_version: str
    status_since: datetime
    error_at: datetime | None

    def told(self, said: LinkStatus, now: datetime) -> "_Row":
        visible = (said.status, said.error_class, storable(said.error_message))
        told = msgspec.structs.replace(
            self,
            retry_count=said.retry_count,
            connected_at=said.connected_at,
            negotiated_version=said.negotiated_version or self.negotiated_version,
        )
        if said.status != self.status:
            told.status_since = now
        if self.shown() != visible:
            told.status, told.error_class, told.error_message = visible
            told.error_at = now if told.error_message else None
        return told

    def shown(self) -> tuple[str, str, str]:
        return self.status, self.error_class, self.error_message


_WRITE = """
UPDATE mqtt_mqttconnection c SET status = s.status, error_class = s.error_class, error_message = s.error_message,
    retry_count = s.retry_count, connected_at = s.connected_at, negotiated_version = s.negotiated_version,
    status_since = s.status_since, error_at = s.error_at
FROM json_to_recordset(%s::json) AS s(id bigint, status text, error_class text, error_message text, retry_count int,
    connected_at timestamptz, negotiated_version text, status_since timestamptz, error_at timestamptz)
WHERE c.id = s.id
"""
_GRANT = """
UPDATE mqtt_mqtttopic t SET granted_qos = g.code, granted_at = %s, refusal = g.refusal
FROM json_to_recordset(%s::json) AS g(id bigint, generation bigint, filter text, code int, refusal text)
    JOIN mqtt_mqttconnection c ON c.id = g.id AND c.generation = g.generation AND c.owner <> ''
WHERE t.connection_id = g.id AND t.filter = g.filter
"""
_IN_LINE = """
UPDATE mqtt_mqttconnection c SET subscribed_version = v.version, obsolete_filters = '{}'
FROM json_to_recordset(%s::json) AS v(id bigint, generation bigint, version bigint)
    JOIN (SELECT id FROM mqtt_mqttconnection WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED) AS free
    ON free.id = v.id
WHERE c.id = v.id AND c.generation = v.generation AND c.config_version = v.version AND c.owner <> ''
"""


def record_statuses(said: Mapping[Key, LinkStatus]) -> WrittenStatuses:
    """Browsers hear of what they show. A row that somebody else has locked is not waited for:
    nobody else's news would go on, and two writers of many rows could wait for each other.
    """
    now = timezone.now()
    with transaction.atomic():
        rows = {
            (row.id, row.generation): row
            for row in _locked({number for number, _ in said})
            if row.owner
        }
        told = [
            (rows[key], rows[key].told(status, now)) for key, status in said.items() if key in rows
        ]
        _write([new for old, new in told if new != old])
        for old, new in told:
            if new.shown() != old.shown():
                transaction.on_commit(partial(_announce, new))
    missing = said.keys() - rows.keys()
    busy = _held(missing) if missing else frozenset()
    return WrittenStatuses(lost=frozenset(missing - busy), busy=busy)


def record_answers(said: Mapping[Key, Answers]) -> int:
    """Gives how many codes were written: none of a newer owner's, none that are gone.

    That a session is in line is not written while somebody else has the row locked: the next owner
    asks once more then.
    """
    answers = [
        {
            "id": number,
            "generation": generation,
            "filter": name,
            "code": code,
            "refusal": refusal(code),
        }
        for (number, generation), one in said.items()
        for name, code in one.codes.items()
    ]
    in_line = [
        {"id": number, "generation": generation, "version": one.in_line_with}
        for (number, generation), one in said.items()
        if one.in_line_with
    ]
    with connection.cursor() as cursor:
        cursor.execute(_GRANT, [timezone.now(), msgspec.json.encode(answers).decode()])
        written: int = cursor.rowcount
        if in_line:
            cursor.execute(
                _IN_LINE, [msgspec.json.encode(in_line).decode(), [one["id"] for one in in_line]]
            )
        return written


def _locked(ids: Collection[int]) -> Iterable[_Row]:
    found = MqttConnection.objects.select_for_update(skip_locked=True, no_key=True).filter(
        pk__in=ids
    )
    return (_Row(*values) for values in found.order_by("pk").values_list(*_Row.__struct_fields__))


def _write(rows: list[_Row]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, [msgspec.json.encode(rows).decode()])


def _held(keys: Collection[Key]) -> frozenset[Key]:
    """Those that still have an owner of this generation."""
    rows = MqttConnection.objects.filter(pk__in={number for number, _ in keys}).exclude(owner="")
    return frozenset(keys) & set(rows.values_list("pk", "generation"))


def _announce(row: _Row) -> None:
    events.connection_changed(
        site_id=row.site_id,
        status=row.status,
        is_active=row.is_active,
        error_class=row.error_class,
        error_message=row.error_message,
    )
