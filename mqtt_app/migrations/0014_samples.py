"""Samples of topics: a few of the last messages of each, as they came."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mqtt', '0013_rhythms'),
    ]

    operations = [
        migrations.CreateModel(
            name='TopicSample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.TextField()),
                ('payload', models.BinaryField()),
                ('size', models.PositiveIntegerField()),
                ('qos', models.PositiveSmallIntegerField()),
                ('retain', models.BooleanField()),
                ('received_at', models.DateTimeField()),
                ('shape', models.IntegerField(editable=False)),
                ('site', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='samples', to='mqtt.site')),
                ('topic', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='samples', to='mqtt.discoveredtopic')),
            ],
            options={
                'ordering': ('-id',),
                'indexes': [models.Index(fields=['topic', 'id'], name='mqtt_topicsample_topic')],
            },
        ),
    ]
