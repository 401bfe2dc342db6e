"""Until when a site keeps messages that no parser reads."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mqtt', '0016_problems'),
    ]

    operations = [
        migrations.AddField(
            model_name='site',
            name='capture_until',
            field=models.DateTimeField(blank=True, editable=False, help_text='Until then messages that no parser reads are kept, so that they can be replayed.', null=True),
        ),
    ]
