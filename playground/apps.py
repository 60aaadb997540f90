from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    """Lesson, timeline, compare, lab and bench, laid over the pages of the users under open access."""

    name = "playground"
