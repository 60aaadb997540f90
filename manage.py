#!/usr/bin/env python
"""Django's command line, with a sentence instead of a traceback for what a person can fix."""

import os
import sys
from pathlib import Path


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db import DatabaseError
    except ImportError:
        sys.exit("Django is not installed here: `make demo` installs it, or `pip install -r requirements.txt` does.")
    if wants_help(sys.argv[1:]):
        be_enough_for_help()
    elif sys.argv[1:2] == ["demo"]:
        prepare_demo()
    else:
        join_demo()
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


def wants_help(arguments: list[str]) -> bool:
    return not arguments or arguments[0] in ("help", "version") or bool({"--help", "-h", "--version"} & {*arguments})


def be_enough_for_help() -> None:
    """Fill in what the settings require: to say what a command does, no server and no secret is needed."""
    os.environ.setdefault("SECRET_KEY", "only for help")
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:6379")


def join_demo() -> None:
    """Use the servers and the database of a demo that runs here, unless the environment names others."""
    from demo.running import join

    if sentence := join(Path(__file__).resolve().parent):
        sys.stderr.write(f"{sentence}\n")


def explain(error: Exception, sentence: str) -> None:
    """End with `sentence`; `--traceback` shows the error itself."""
    if "--traceback" in sys.argv:
        raise error
    sys.exit(" ".join(sentence.split()))


if __name__ == "__main__":
    main()
