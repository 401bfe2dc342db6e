"""A change of configuration raises `config_version` however it is made: by a service, `save()`, `update()` or SQL.

`NOTICED` are the columns that a running link has to know of (`models.connections.CONFIGURATION`; a test compares the two).
"""

from django.db import migrations

NOTICED = (
    "broker_host, broker_port, username, password, use_tls, tls_ca_certificate, tls_client_certificate,"
    " tls_client_key, tls_verify, protocol_version, client_id, keepalive, ack_mode"
)


def rows(row: str, columns: str) -> str:
    return "(" + ", ".join(f"{row}.{name.strip()}" for name in columns.split(",")) + ")"


def differ(columns: str) -> str:
    return f"{rows('OLD', columns)} IS DISTINCT FROM {rows('NEW', columns)}"


# BEFORE triggers run in the order of their names: a stale write is mended first.
CONNECTIONS = f"""
CREATE FUNCTION mqtt_connection_is_stale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Both numbers only grow. Whoever writes a lower one read the row some time ago, and knows nothing newer.
    IF NEW.generation < OLD.generation THEN
        NEW.generation := OLD.generation;
        NEW.owner := OLD.owner;
        NEW.owned_since := OLD.owned_since;
        NEW.assigned_instance := OLD.assigned_instance;
        NEW.assigned_at := OLD.assigned_at;
        NEW.status := OLD.status;
        NEW.status_since := OLD.status_since;
        NEW.error_class := OLD.error_class;
        NEW.error_message := OLD.error_message;
        NEW.error_at := OLD.error_at;
        NEW.retry_count := OLD.retry_count;
        NEW.connected_at := OLD.connected_at;
        NEW.negotiated_version := OLD.negotiated_version;
    END IF;
    IF NEW.config_version < OLD.config_version THEN
        NEW.config_version := OLD.config_version;
        NEW.subscribed_version := OLD.subscribed_version;
        NEW.obsolete_filters := OLD.obsolete_filters;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER mqtt_connection_1_stale BEFORE UPDATE ON mqtt_mqttconnection FOR EACH ROW
WHEN (NEW.generation < OLD.generation OR NEW.config_version < OLD.config_version)
EXECUTE FUNCTION mqtt_connection_is_stale();

CREATE FUNCTION mqtt_connection_is_reconfigured() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {differ("broker_host, broker_port, protocol_version")} THEN
        NEW.negotiated_version := '';  -- what the broker speaks has to be found out anew
    END IF;
    -- Secrets that are encrypted under another key are still the same secrets.
    IF {differ(NOTICED)} AND current_setting('sitewire.keys_rotate', true) IS DISTINCT FROM 'on' THEN
        NEW.config_version := OLD.config_version + 1;
    END IF;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;

CREATE TRIGGER mqtt_connection_2_reconfigured BEFORE UPDATE ON mqtt_mqttconnection FOR EACH ROW
WHEN ({differ("is_active, " + NOTICED)})
EXECUTE FUNCTION mqtt_connection_is_reconfigured();
"""

# One statement may write thousands of topics of one connection: its row is written once for all of them.
TOPICS = f"""
CREATE FUNCTION mqtt_topic_is_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.granted_qos := NULL;
    NEW.granted_at := NULL;
    NEW.refusal := '';
    IF {differ("connection_id, filter")} THEN
        NEW.matched_at := NULL;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER mqtt_topic_changed BEFORE UPDATE ON mqtt_mqtttopic FOR EACH ROW
WHEN ({differ("connection_id, filter, qos, is_active")})
EXECUTE FUNCTION mqtt_topic_is_changed();

CREATE FUNCTION mqtt_resubscribe(number bigint, obsolete varchar[]) RETURNS void LANGUAGE sql AS $$
    UPDATE mqtt_mqttconnection
    SET config_version = config_version + 1, obsolete_filters = obsolete_filters || obsolete,
        updated_at = clock_timestamp()
    WHERE id = number
$$;

CREATE FUNCTION mqtt_topics_are_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mqtt_resubscribe(connection_id, '{{}}')
    FROM (SELECT DISTINCT connection_id FROM fresh WHERE is_active ORDER BY connection_id) AS concerned;
    RETURN NULL;
END $$;

CREATE FUNCTION mqtt_topics_are_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mqtt_resubscribe(connection_id, filters)
    FROM (
        SELECT connection_id, array_agg(filter ORDER BY id) AS filters FROM stale
        WHERE is_active GROUP BY connection_id ORDER BY connection_id
    ) AS concerned;
    RETURN NULL;
END $$;

-- Its plan is made once a session, maybe for one row, and has to do for thousands: rows are matched by hash.
CREATE FUNCTION mqtt_topics_are_updated() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
BEGIN
    PERFORM mqtt_resubscribe(connection_id, filters)
    FROM (
        SELECT connection_id, coalesce(array_agg(filter) FILTER (WHERE filter IS NOT NULL), '{{}}') AS filters
        FROM (
            SELECT stale.connection_id, stale.filter FROM stale LEFT JOIN fresh ON fresh.id = stale.id
                AND fresh.is_active AND {rows("fresh", "connection_id, filter")} = {rows("stale", "connection_id, filter")}
            WHERE stale.is_active AND fresh.id IS NULL
            UNION ALL
            SELECT fresh.connection_id, NULL FROM fresh LEFT JOIN stale ON stale.id = fresh.id AND stale.is_active
                AND {rows("stale", "connection_id, filter, qos")} = {rows("fresh", "connection_id, filter, qos")}
            WHERE fresh.is_active AND stale.id IS NULL
        ) AS changes
        GROUP BY connection_id ORDER BY connection_id
    ) AS concerned;
    RETURN NULL;
END $$;

CREATE TRIGGER mqtt_topics_inserted AFTER INSERT ON mqtt_mqtttopic
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION mqtt_topics_are_inserted();
CREATE TRIGGER mqtt_topics_deleted AFTER DELETE ON mqtt_mqtttopic
REFERENCING OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION mqtt_topics_are_deleted();
CREATE TRIGGER mqtt_topics_updated AFTER UPDATE ON mqtt_mqtttopic
REFERENCING OLD TABLE AS stale NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION mqtt_topics_are_updated();
"""

REMOVE = """
DROP FUNCTION mqtt_connection_is_stale() CASCADE;
DROP FUNCTION mqtt_connection_is_reconfigured() CASCADE;
DROP FUNCTION mqtt_topic_is_changed() CASCADE;
DROP FUNCTION mqtt_topics_are_inserted() CASCADE;
DROP FUNCTION mqtt_topics_are_deleted() CASCADE;
DROP FUNCTION mqtt_topics_are_updated() CASCADE;
DROP FUNCTION mqtt_resubscribe(bigint, varchar[]);
"""


class Migration(migrations.Migration):
    dependencies = [("mqtt", "0003_room_for_updates")]
    operations = [migrations.RunSQL(CONNECTIONS + TOPICS, REMOVE)]
