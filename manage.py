#!/usr/bin/env python
"""Django's command line, with a sentence instead of a traceback for what a person can fix."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db import DatabaseError
    except ImportError:
        sys.exit("Django is not installed here: `make demo` installs it, or `pip install -r requirements.txt` does.")
    if sys.argv[1:2] == ["demo"]:
        prepare_demo()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        explain(error, str(error))
    except DatabaseError as error:
        explain(error, f"The database says: {error}. Is DATABASE_URL right, and is `manage.py migrate` done?")


def prepare_demo() -> None:
    """Name the servers that the demo brings along in the environment, before Django reads its settings."""
    from demo.default_settings import prepare
    from demo.errors import DemoFailed

    try:
        prepare()
    except DemoFailed as error:
        sys.exit(str(error))


def explain(error: Exception, sentence: str) -> None:
    """End with `sentence`; `--traceback` shows the error itself."""
    if "--traceback" in sys.argv:
        raise error
    sys.exit(" ".join(sentence.split()))


if __name__ == "__main__":
    main()
