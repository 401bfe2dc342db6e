"""Messages that wait raw until their parser works again, and how parsers do at each site."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mqtt', '0004_room_for_updates'),
    ]

    operations = [
        migrations.AddField(
            model_name='batchreceipt',
            name='postponed',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='Connections whose messages have to come again later.', null=True, size=None),
        ),
        migrations.AddField(
            model_name='sitebooks',
            name='kept',
            field=models.BigIntegerField(db_default=0, default=0, help_text='Waiting raw until their parser works again.'),
        ),
        migrations.AddField(
            model_name='sitebooks',
            name='kept_bytes',
            field=models.BigIntegerField(db_default=0, default=0, help_text='Of those payloads.'),
        ),
        migrations.CreateModel(
            name='KeptMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('topic', models.TextField()),
                ('payload', models.BinaryField()),
                ('qos', models.PositiveSmallIntegerField()),
                ('retain', models.BooleanField()),
                ('received_at', models.DateTimeField()),
                ('parser_name', models.CharField(max_length=100)),
                ('error', models.TextField(blank=True, default='')),
                ('state', models.CharField(choices=[('failed', 'Failed'), ('kept', 'Waits for its parser'), ('due', 'To be parsed again'), ('again', 'To be parsed again, by request')], max_length=6)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('connection', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='mqtt.mqttconnection')),
                ('site', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='kept_messages', to='mqtt.site')),
            ],
            options={
                'ordering': ('-id',),
                'indexes': [models.Index(fields=['site', 'parser_name', 'state', 'id'], name='mqtt_kept_group'), models.Index(fields=['state', 'tries', 'id'], name='mqtt_kept_state')],
            },
        ),
        migrations.CreateModel(
            name='ParserHealth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('parser_name', models.CharField(max_length=100)),
                ('window_started', models.DateTimeField(default=django.utils.timezone.now)),
                ('parsed', models.PositiveIntegerField(default=0)),
                ('failed', models.PositiveIntegerField(default=0)),
                ('paused_since', models.DateTimeField(blank=True, null=True)),
                ('resumed_at', models.DateTimeField(blank=True, null=True)),
                ('last_parsed_at', models.DateTimeField(blank=True, help_text='While paused: when it last parsed one.', null=True)),
                ('attended_at', models.DateTimeField(blank=True, help_text='When its raw messages were last looked after.', null=True)),
                ('reason', models.TextField(blank=True, default='')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parsers', to='mqtt.site')),
            ],
            options={
                'verbose_name_plural': 'parser health',
                'constraints': [models.UniqueConstraint(fields=('site', 'parser_name'), name='one_health_per_site_and_parser')],
            },
        ),
    ]
