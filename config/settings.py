"""Settings of the example project. Everything that differs from place to place comes from the environment.

`.env.example` lists each name with its default and what it is for; a `.env` beside this package is read when present,
and the environment goes before it.
"""

from pathlib import Path

import environ

from config import environment
from config.database import database

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(BASE_DIR / ".env")

VAR = environment.writable_folder(BASE_DIR / environment.read("CACHEDEMO_VAR"))

DEBUG = environment.read("DEBUG")
SECRET_KEY = environment.secret_key(DEBUG)
ALLOWED_HOSTS = environment.read("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = environment.read("CSRF_TRUSTED_ORIGINS")
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = environment.read("HTTPS")
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$", "^metrics$"]  # what watches a process asks it without a proxy
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if SECURE_SSL_REDIRECT else 0
# Subdomains, and the list that browsers ship: that is for the owner of the domain to decide, and hard to take back.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
OPEN_ACCESS = environment.read("OPEN_ACCESS")

DATABASES = {"default": database(environment.read("DATABASE_URL"), BASE_DIR, VAR, environment.read("DATABASE_POOL"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

_redis = environment.redis_urls()

CACHEDEMO = {
    "CACHE_URL": _redis["CACHEDEMO_CACHE_URL"],
    "QUEUE_URL": _redis["CACHEDEMO_QUEUE_URL"],
    "STRICT_READS": environment.read("CACHEDEMO_STRICT_READS"),
    "SOURCE_LATENCY_MS": environment.read("SOURCE_LATENCY_MS"),
    "ALLOW_FLUSHDB": environment.read("CACHEDEMO_ALLOW_FLUSHDB"),
    "READ_ONLY": environment.read("CACHEDEMO_READ_ONLY"),
    "METRICS_FOR": environment.read("CACHEDEMO_METRICS_FOR"),
    "METRICS_TOKEN": environment.read("CACHEDEMO_METRICS_TOKEN"),
}
DEFAULT_EXCEPTION_REPORTER_FILTER = "cachedemo.servers.password_hiding.HidesPasswordsInUrls"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "ninja",
    "django_htmx",
    "cachedemo",
    "users",
    "playground",
    "demo",
]

MIDDLEWARE = [
    "config.csp.ContentSecurityPolicy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "users.timing.ServerTiming",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "playground.context_processors.site_links",
            ]
        },
    }
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
LOGIN_URL = "admin:login"

LANGUAGE_CODE = "en-us"
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = environment.writable_folder(VAR / "static")
# The apps' own static files are served as they are, so that nobody has to run collectstatic for a look.
WHITENOISE_USE_FINDERS = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": environment.log_level()},
    "loggers": {"django": {"handlers": ["console"], "propagate": False}},
}

CELERY_BROKER_URL = _redis["CELERY_BROKER_URL"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 1.0
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1.0, "socket_timeout": 5.0, "socket_keepalive": True}
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "celerybeat-schedule")
