"""Sums of readings by hour and day, and an index by which the readings since the last look are found.

The index keeps a span of ids for each 32 pages, a thousandth of the size of the one by device and time, and is
kept up by autovacuum: COPY pays next to nothing for it.
"""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mqtt', '0011_tests_of_connections'),
    ]

    operations = [
        migrations.CreateModel(
            name='Rollup',
            fields=[
                ('metric_id', models.BigIntegerField()),
                ('hours', models.PositiveSmallIntegerField(help_text='1 or 24.')),
                ('start', models.DateTimeField()),
                ('count', models.BigIntegerField()),
                ('numbers', models.BigIntegerField(help_text='How many of them are numbers.')),
                ('sum', models.FloatField(default=0.0)),
                ('min', models.FloatField(null=True)),
                ('max', models.FloatField(null=True)),
                ('first_time', models.DateTimeField()),
                ('first', models.FloatField(null=True)),
                ('first_text', models.TextField(null=True)),
                ('last_time', models.DateTimeField()),
                ('last', models.FloatField(null=True)),
                ('last_text', models.TextField(null=True)),
                ('pk', models.CompositePrimaryKey('metric_id', 'hours', 'start', blank=True, editable=False, primary_key=True, serialize=False)),
            ],
            options={
                'ordering': ('metric_id', 'hours', 'start'),
            },
        ),
        migrations.CreateModel(
            name='RollupProgress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('done_id', models.BigIntegerField(default=0)),
                ('mark_id', models.BigIntegerField(default=0)),
                ('mark_transaction', models.BigIntegerField(default=0)),
                ('looked_at', models.DateTimeField(help_text='When all that was final then was rolled up.')),
            ],
            options={
                'ordering': ('id',),
            },
        ),
        migrations.AddField(
            model_name='site',
            name='rollup_days',
            field=models.PositiveIntegerField(db_default=1825, default=1825, help_text='Days that readings summed up by day are kept; by hour two years at most.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(36500)]),
        ),
        migrations.RunSQL(
            "CREATE INDEX mqtt_reading_id ON mqtt_reading USING brin (id) WITH (pages_per_range = 32, autosummarize = on)",
            "DROP INDEX mqtt_reading_id",
        ),
        # The sums of this hour and this day change each minute: room in each page for it (HOT).
        migrations.RunSQL("ALTER TABLE mqtt_rollup SET (fillfactor = 70)", "ALTER TABLE mqtt_rollup RESET (fillfactor)"),
    ]
