import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Counters of wrong log-ins, and tokens with a number of their own instead of their digest as the key."""

    dependencies = [
        ('mqtt', '0013_configuration_triggers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LoginCounter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=100, unique=True)),
                ('kind', models.CharField(choices=[('name', 'User name'), ('address', 'Address'), ('reset-email', 'Password reset: e-mail'), ('reset-address', 'Password reset: address')], max_length=20)),
                ('label', models.CharField(blank=True, help_text='Empty: no user has this name.', max_length=150)),
                ('clear_at', models.DateTimeField(db_index=True)),
                ('locked_until', models.DateTimeField(blank=True, null=True)),
                ('pending', models.PositiveIntegerField(default=0)),
                ('pending_since', models.DateTimeField(blank=True, null=True)),
                ('wrong', models.PositiveIntegerField(default=0, help_text='Wrong tries since this row is there.')),
                ('refused', models.PositiveIntegerField(default=0, help_text='Tries while it was locked.')),
            ],
            options={
                'verbose_name': 'failed log-in',
                'ordering': ('-clear_at', 'key'),
            },
        ),
        migrations.DeleteModel(name='ApiToken'),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('token_key', models.CharField(db_index=True, max_length=25)),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('expiry', models.DateTimeField(blank=True, null=True)),
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('digest', models.CharField(editable=False, max_length=128, unique=True)),
                ('name', models.CharField(default='API log-in', max_length=100)),
                ('scope', models.CharField(choices=[('read', 'Read'), ('operate', 'Operate'), ('manage', 'Manage')], default='manage', max_length=10)),
                ('site_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, help_text='Empty: all sites of its user.', null=True, size=None)),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_used_address', models.GenericIPAddressField(blank=True, editable=False, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='auth_token_set', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-created',),
                'constraints': [models.CheckConstraint(condition=models.Q(('scope__in', ['read', 'operate', 'manage'])), name='token_scope_known')],
            },
        ),
    ]
