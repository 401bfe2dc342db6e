"""How long each site is usually silent. The first table is written each half minute: room in each page (HOT)."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mqtt', '0012_rollups'),
    ]

    operations = [
        migrations.CreateModel(
            name='SiteRhythm',
            fields=[
                ('site', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='rhythm', serialize=False, to='mqtt.site')),
                ('last', models.FloatField(help_text='Unix seconds of the newest message.')),
                ('gaps', models.BigIntegerField(default=0)),
                ('longest', models.FloatField(default=0.0, help_text='Seconds.')),
                ('hour_longest', models.FloatField(default=0.0, help_text='Seconds.')),
            ],
            options={
                'ordering': ('site_id',),
            },
        ),
        migrations.CreateModel(
            name='SiteWeek',
            fields=[
                ('site', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='week', serialize=False, to='mqtt.site')),
                ('hours', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), help_text='From Monday 00:00 UTC.', size=None)),
            ],
            options={
                'ordering': ('site_id',),
            },
        ),
        migrations.RunSQL("ALTER TABLE mqtt_siterhythm SET (fillfactor = 50)", "ALTER TABLE mqtt_siterhythm RESET (fillfactor)"),
    ]
