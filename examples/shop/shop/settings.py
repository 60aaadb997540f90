"""Settings for a look on one machine. The environment says where the servers are, if they are elsewhere."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "for-a-look-on-one-machine"
DEBUG = True
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"

INSTALLED_APPS = (
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "cachedemo",
    "products",
)

MIDDLEWARE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
)

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
        # The worker and the web process write at the same time.
        "OPTIONS": {"timeout": 10, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "Europe/Berlin"
STATIC_URL = "static/"

CACHEDEMO = {
    "CACHE_URL": os.environ.get("CACHEDEMO_CACHE_URL", "redis://localhost:6379/0"),
    "QUEUE_URL": os.environ.get("CACHEDEMO_QUEUE_URL", "redis://localhost:6380/0"),
}

TEST_RUNNER = "cachedemo.testing.EmbeddedServersRunner"  # the tests start servers of their own

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "redis://localhost:6380/1")
CELERY_TASK_IGNORE_RESULT = True
CELERY_BEAT_SCHEDULE = {
    "flush": {"task": "cachedemo.tasks.flush", "schedule": 1.0, "options": {"expires": 1.0}},
    "audit": {"task": "cachedemo.tasks.audit", "schedule": 300.0, "options": {"expires": 300.0}},
    "scan": {"task": "cachedemo.tasks.scan", "schedule": 60.0, "options": {"expires": 60.0}},
}
