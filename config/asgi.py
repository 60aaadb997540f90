"""The ASGI entry point: config.asgi:application."""

import os

from django.core.asgi import get_asgi_application

from cachedemo import announce_all

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()
announce_all()
