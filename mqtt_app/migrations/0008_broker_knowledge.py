"""What is known of each broker: what it allows, and what owners of its link found out.

Another broker, or other credentials, and all of it has to be found out anew.
"""

from django.db import migrations, models

ANOTHER = "broker_host, broker_port, protocol_version, username, password, client_id, use_tls, tls_client_certificate"


def rows(row: str) -> str:
    return "(" + ", ".join(f"{row}.{name.strip()}" for name in ANOTHER.split(",")) + ")"


CREATE = f"""
CREATE FUNCTION mqtt_connection_forgets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.capabilities := '{{}}';
    NEW.link_memory := '{{}}';
    RETURN NEW;
END $$;

CREATE TRIGGER mqtt_connection_3_forgets BEFORE UPDATE ON mqtt_mqttconnection FOR EACH ROW
WHEN ({rows("OLD")} IS DISTINCT FROM {rows("NEW")})
EXECUTE FUNCTION mqtt_connection_forgets();
"""


class Migration(migrations.Migration):
    dependencies = [("mqtt", "0007_operations")]
    operations = [
        migrations.AddField(
            "mqttconnection", "capabilities", models.JSONField(db_default={}, default=dict, editable=False)
        ),
        migrations.AddField(
            "mqttconnection", "link_memory", models.JSONField(db_default={}, default=dict, editable=False)
        ),
        migrations.RunSQL(CREATE, "DROP FUNCTION mqtt_connection_forgets() CASCADE"),
    ]
