"""Devices and gateways of a site are found by the unique constraint that begins with the site."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mqtt', '0006_kept_messages'),
    ]

    operations = [
        migrations.AlterField(
            model_name='device',
            name='site',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='mqtt.site'),
        ),
        migrations.AlterField(
            model_name='gateway',
            name='site',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='mqtt.site'),
        ),
    ]
