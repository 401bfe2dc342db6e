"""How long a device may be silent by what is said of it, such as Home Assistant's expire_after."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models


def _limit() -> models.FloatField:
    return models.FloatField(
        blank=True,
        editable=False,
        help_text="Seconds of silence until offline by its description. Empty: it has none.",
        null=True,
    )


def _silence() -> models.PositiveIntegerField:
    return models.PositiveIntegerField(
        blank=True,
        help_text="Seconds of silence until offline. Empty: what is described, else the site's.",
        null=True,
        validators=[
            MinValueValidator(1),
            MaxValueValidator(31536000),
        ],
    )


class Migration(migrations.Migration):
    dependencies = [("mqtt", "0005_audit_append_only")]
    operations = [
        migrations.AddField("describeddevice", "silence_after", models.FloatField(blank=True, null=True)),
        migrations.AddField("device", "described_silence", _limit()),
        migrations.AddField("gateway", "described_silence", _limit()),
        migrations.AlterField("device", "silence_after", _silence()),
        migrations.AlterField("gateway", "silence_after", _silence()),
    ]
