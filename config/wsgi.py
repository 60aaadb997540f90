"""The WSGI entry point: config.wsgi:application."""

import os

from django.core.wsgi import get_wsgi_application

from cachedemo import announce_all

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
announce_all()
