"""Mappings: how families are read that no built-in parser knows."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import mqtt_app.models.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mqtt', '0014_samples'),
    ]

    operations = [
        migrations.AddField(
            model_name='site',
            name='mappings_version',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False, help_text='Grows with each change of what its mappings read.'),
        ),
        migrations.CreateModel(
            name='PayloadMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, validators=[django.core.validators.RegexValidator('\\A[a-z0-9][a-z0-9_-]*\\Z', 'Use small letters, digits, - and _, beginning with a letter or digit: kiln-controller.')])),
                ('active_version', models.PositiveIntegerField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mappings', to='mqtt.site')),
            ],
            options={
                'ordering': ('site', 'name'),
            },
        ),
        migrations.CreateModel(
            name='MappingVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(help_text='From 1.')),
                ('definition', models.JSONField()),
                ('note', models.CharField(blank=True, default='', max_length=200, validators=[mqtt_app.models.validators.validate_name])),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('created_by', models.CharField(blank=True, default='', editable=False, max_length=200)),
                ('mapping', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='mqtt.payloadmapping')),
            ],
            options={
                'ordering': ('mapping', '-number'),
            },
        ),
        migrations.AddConstraint(
            model_name='payloadmapping',
            constraint=models.UniqueConstraint(fields=('site', 'name'), name='one_mapping_per_site_and_name'),
        ),
        migrations.AddConstraint(
            model_name='mappingversion',
            constraint=models.UniqueConstraint(fields=('mapping', 'number'), name='one_version_per_mapping_and_number'),
        ),
    ]
