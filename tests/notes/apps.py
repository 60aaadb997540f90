from django.apps import AppConfig


class NotesConfig(AppConfig):
    name = "tests.notes"
    default_auto_field = "django.db.models.BigAutoField"
