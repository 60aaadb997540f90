"""A number that writes can add to."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0002_people"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="visits",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
