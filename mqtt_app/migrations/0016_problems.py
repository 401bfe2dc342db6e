"""Problems: what is wrong, each cause once."""

import django.contrib.postgres.fields
import django.db.models.deletion
import mqtt_app.models.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mqtt', '0015_mappings'),
    ]

    operations = [
        migrations.CreateModel(
            name='Problem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('parsing', 'parsing'), ('link', 'link'), ('certificate', 'certificate')], max_length=11)),
                ('fingerprint', models.UUIDField()),
                ('detail', models.CharField(blank=True, default='', max_length=300)),
                ('error_type', models.CharField(blank=True, default='', max_length=20)),
                ('title', models.CharField(max_length=300)),
                ('count', models.BigIntegerField()),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('topics', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, size=None)),
                ('sample', models.BinaryField(blank=True, null=True)),
                ('hours', models.JSONField(blank=True, default=dict)),
                ('state', models.CharField(choices=[('open', 'open'), ('ignored', 'ignored'), ('resolved', 'resolved')], db_default='open', default='open', max_length=8)),
                ('ignored_until', models.DateTimeField(blank=True, help_text='Of an ignored one; empty: for ever.', null=True)),
                ('note', models.CharField(blank=True, db_default='', default='', max_length=300, validators=[mqtt_app.models.validators.validate_name])),
                ('changed_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('changed_by', models.CharField(blank=True, db_default='', default='', editable=False, max_length=200)),
                ('reopened_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='problems', to='mqtt.site')),
            ],
            options={
                'ordering': ('-last_at', '-id'),
                'indexes': [models.Index(fields=['state', '-last_at'], name='mqtt_problem_state')],
                'constraints': [models.UniqueConstraint(fields=('site', 'fingerprint'), name='one_problem_per_site_and_fingerprint')],
            },
        ),
    ]
