"""The article's three people, with the ids that its examples use."""

from django.core.management.color import no_style
from django.db import migrations

PEOPLE = [
    (1, "Alice Singh", "alice@example.com"),
    (2, "Bob Pereira", "bob@example.com"),
    (3, "Carol Lee", "carol@example.com"),
]


def add_people(apps, schema_editor):
    User = apps.get_model("users", "User")
    connection = schema_editor.connection
    User.objects.using(connection.alias).bulk_create(User(id=id, name=name, email=email) for id, name, email in PEOPLE)
    # Explicit ids leave PostgreSQL's sequence behind; the next insert would collide with Alice.
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [User]):
            cursor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]

    operations = [migrations.RunPython(add_people, migrations.RunPython.noop)]
