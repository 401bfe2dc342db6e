"""Tables whose rows are updated with every batch: room in each page, so that an update touches no index (HOT)."""

from django.db import migrations

FILL_FACTORS = {
    "mqtt_latestreading": 50,
    "mqtt_device": 50,
    "mqtt_gateway": 50,
    "mqtt_discoveredtopic": 70,
    "mqtt_sitebooks": 20,
    "mqtt_metric": 70,
    "mqtt_topicnotice": 50,
}


class Migration(migrations.Migration):
    dependencies = [("mqtt", "0002_reading_table")]
    operations = [
        migrations.RunSQL(f"ALTER TABLE {table} SET (fillfactor = {percent})", f"ALTER TABLE {table} RESET (fillfactor)")
        for table, percent in FILL_FACTORS.items()
    ]
