import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

application = get_wsgi_application()

from cachedemo import announce_all  # noqa: E402  (needs the apps)

announce_all()  # a release that calls other fields by a live version's number ends here
