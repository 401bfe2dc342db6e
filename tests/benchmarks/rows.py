"""Rows by SQL, for what would take hours message by message."""

from typing import LiteralString

from psycopg import sql

from tests.benchmarks.machine import Machine

DEVICES = """
INSERT INTO mqtt_device (site_id, identifier, name, status, status_reason, status_since, created_at)
SELECT %s, 'device ' || n, '', 'online', '', now(), now() FROM generate_series(1, %s) n RETURNING id
"""


def copies_of_site(place: Machine, site_id: int, count: int) -> list[int]:
    """`count` sites like this one, each with connection and topic filters; gives the ids of their
    connections.
    """
    name = sql.SQL("'copy ' || n")
    _copy(
        place,
        "mqtt_site",
        {"name": name},
        sql.SQL("generate_series(1, {}) n").format(count),
        site_id,
    )
    connection = place.stack.one("SELECT id FROM mqtt_mqttconnection WHERE site_id = %s", site_id)
    copied: LiteralString = "mqtt_site s WHERE s.name LIKE 'copy %' ORDER BY s.id"
    source = sql.SQL("(SELECT s.id AS new FROM {}) n").format(sql.SQL(copied))
    ids = _copy(place, "mqtt_mqttconnection", {"site_id": sql.SQL("new")}, source, connection)
    topics = sql.SQL("unnest({}::bigint[]) new").format(ids)
    values: dict[str, sql.Composable] = {
        "connection_id": sql.SQL("new"),
        "filter": sql.SQL("'c' || new || '/#'"),
    }
    topic = place.stack.one("SELECT id FROM mqtt_mqtttopic WHERE connection_id = %s", connection)
    _copy(place, "mqtt_mqtttopic", values, topics, topic)
    return ids


def devices(place: Machine, site_id: int, count: int) -> list[int]:
    return [number for (number,) in place.stack.rows(DEVICES, site_id, count)]


def _copy(
    place: Machine, table: str, values: dict[str, sql.Composable], source: sql.Composable, like: int
) -> list[int]:
    """Insert copies of one row, but for `values`; gives their ids."""
    columns = place.stack.rows(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name <> 'id'",
        table,
    )
    names = [name for (name,) in columns]
    statement = sql.SQL(
        "INSERT INTO {} ({}) SELECT {} FROM {} t, {} WHERE t.id = {} RETURNING id"
    ).format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(values.get(name, sql.Identifier("t", name)) for name in names),
        sql.Identifier(table),
        source,
        like,
    )
    return [number for (number,) in place.stack.db.execute(statement).fetchall()]
