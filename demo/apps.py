from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The `demo` command, which starts and looks after everything on one machine."""

    name = "demo"
